// SPDX-License-Identifier: MIT
//
// Clients that do not wait for each other: requests leave at drawn moments (Poisson), however the server is doing, each on a
// connection that has none under way; where all are busy, another one is opened. A reply counts from the drawn moment.
//
//   open_load PORT PATH REQUESTS_PER_SECOND SECONDS PATIENCE_MS WARM_UP_SECONDS
//
// What belongs to the warm-up, which comes before SECONDS, is not counted.
// After PATIENCE_MS a client gives up: it closes its connection, and what comes later helps nobody. Prints one line of JSON.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kConnectionsMax = 4'000;

struct Connection {
  int fd = -1;
  Clock::time_point due;  // of the request under way
  bool is_busy = false;
  std::string received;
};

struct Counts {
  std::vector<double> served_ms;   // 2xx in time
  std::vector<double> refused_ms;  // 503
  long wrong = 0;                  // any other answer
  long given_up = 0;
  long broken = 0;                 // the server closed, or would not connect
  long unsent = 0;                 // all kConnectionsMax were busy
};

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

class Load {
 public:
  Load(std::uint16_t port, const std::string& path, std::chrono::milliseconds patience)
      : patience_(patience), request_("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") {
    server_.sin_family = AF_INET;
    server_.sin_port = htons(port);
    server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  void run(double per_second, double seconds, double warm_up_seconds) {
    std::mt19937_64 random(1);
    std::exponential_distribution<double> gap(per_second);
    const auto began = Clock::now();
    auto length = [](double of_seconds) {
      return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(of_seconds));
    };
    counts_from_ = began + length(warm_up_seconds);
    const auto end = counts_from_ + length(seconds);
    for (auto due = began;;) {
      due += length(gap(random));
      if (due >= end) break;
      while (Clock::now() < due) look(due);
      ask(due);
    }
    while (under_way_ > 0) look(Clock::now() + patience_);
  }

  void print(double seconds) {
    std::printf("{\"served\":%.1f,\"refused\":%.1f,\"given_up\":%ld,\"broken\":%ld,\"wrong\":%ld,\"unsent\":%ld,"
                "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"refused_p99_ms\":%.2f}\n",
                static_cast<double>(counts_.served_ms.size()) / seconds,
                static_cast<double>(counts_.refused_ms.size()) / seconds, counts_.given_up, counts_.broken, counts_.wrong,
                counts_.unsent, percentile(counts_.served_ms, 0.5), percentile(counts_.served_ms, 0.99),
                percentile(counts_.refused_ms, 0.99));
  }

 private:
  void ask(Clock::time_point due) {
    if (idle_.empty() && !open_one()) {
      if (due >= counts_from_) ++(connections_.size() >= kConnectionsMax ? counts_.unsent : counts_.broken);
      return;
    }
    Connection& connection = *idle_.back();
    idle_.pop_back();
    connection.due = due;
    connection.is_busy = true;
    connection.received.clear();
    waiting_.push_back({&connection, due});
    ++under_way_;
    if (::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) lose(connection, counts_.broken);
  }

  bool open_one() {
    Connection* connection = nullptr;
    if (!closed_.empty()) {
      connection = closed_.back();
      closed_.pop_back();
    } else if (connections_.size() < kConnectionsMax) {
      connection = connections_.emplace_back(std::make_unique<Connection>()).get();
    } else {
      return false;
    }
    connection->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    ::setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    auto* address = reinterpret_cast<sockaddr*>(&server_);
    if (connection->fd < 0 || ::connect(connection->fd, address, sizeof server_) != 0) {
      ::close(connection->fd);
      closed_.push_back(connection);
      return false;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
    idle_.push_back(connection);
    return true;
  }

  // Takes replies until `until`, or until something has come.
  void look(Clock::time_point until) {
    give_up_on_late_ones();
    auto left = std::min(until - Clock::now(), Clock::duration(std::chrono::milliseconds(5)));
    timespec wait{0, std::max<long>(0, static_cast<long>(std::chrono::nanoseconds(left).count()))};
    std::array<epoll_event, 64> events;
    int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (int i = 0; i < count; ++i) receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void receive(Connection& connection) {
    std::array<char, 4096> buffer;
    ssize_t count = ::recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      if (connection.is_busy) return lose(connection, counts_.broken);
      std::erase(idle_, &connection);
      return close(connection);
    }
    connection.received.append(buffer.data(), static_cast<std::size_t>(count));
    if (!is_whole(connection.received)) return;
    double took_ms = std::chrono::duration<double, std::milli>(Clock::now() - connection.due).count();
    std::string_view status = std::string_view(connection.received).substr(9, 3);
    if (connection.due >= counts_from_) tally(status, took_ms);
    connection.is_busy = false;
    --under_way_;
    idle_.push_back(&connection);
  }

  void tally(std::string_view status, double took_ms) {
    if (status.starts_with('2')) {
      counts_.served_ms.push_back(took_ms);
    } else if (status == "503") {
      counts_.refused_ms.push_back(took_ms);
    } else {
      ++counts_.wrong;
    }
  }

  static bool is_whole(const std::string& reply) {
    std::size_t head = reply.find("\r\n\r\n");
    std::size_t length = reply.find("Content-Length: ");
    if (head == reply.npos || length == reply.npos || length > head) return false;
    return reply.size() >= head + 4 + std::strtoul(reply.c_str() + length + 16, nullptr, 10);
  }

  void give_up_on_late_ones() {
    auto now = Clock::now();
    while (!waiting_.empty() && waiting_.front().due + patience_ <= now) {
      auto [connection, due] = waiting_.front();
      waiting_.pop_front();
      if (connection->is_busy && connection->due == due) lose(*connection, counts_.given_up);
    }
  }

  void lose(Connection& connection, long& count) {
    if (connection.due >= counts_from_) ++count;
    connection.is_busy = false;
    --under_way_;
    close(connection);
  }

  void close(Connection& connection) {
    ::close(connection.fd);
    connection.fd = -1;
    closed_.push_back(&connection);
  }

  struct Waiting {
    Connection* connection;
    Clock::time_point due;
  };

  const std::chrono::milliseconds patience_;
  const std::string request_;
  sockaddr_in server_{};
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_, closed_;
  std::deque<Waiting> waiting_;  // in the order of their moments; some have been answered
  long under_way_ = 0;
  Clock::time_point counts_from_;
  Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: open_load PORT PATH REQUESTS_PER_SECOND SECONDS PATIENCE_MS WARM_UP_SECONDS\n");
    return 2;
  }
  double per_second = std::atof(argv[3]), seconds = std::atof(argv[4]);
  Load load(static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], std::chrono::milliseconds(std::atoi(argv[5])));
  load.run(per_second, seconds, std::atof(argv[6]));
  load.print(seconds);
}
