// SPDX-License-Identifier: MIT
//
// Handlers that never leave their processor by themselves, beside a crowd that only wants an answer. Nothing here is timed:
// while the hogs are at it, either everybody is answered or nobody.
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <deque>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/http/client.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr int kConnections = 8;
constexpr int kRequestsEach = 125;
// Far more than a thousand requests need. If they are not answered, the test shall fail and not hang: then one hog gives up
// and releases the other.
constexpr std::chrono::milliseconds kPatience = 20s;

// GET /sleep is in a system call that nobody has marked as blocking, GET /spin in an endless loop, until release().
class Hogs {
 public:
  Hogs() {
    EXPECT_EQ(::pipe2(pipe_.data(), O_CLOEXEC), 0);
    sleeping_.add();
    spinning_.add();
  }
  ~Hogs() {
    for (int end : pipe_) ::close(end);
  }
  Hogs(const Hogs&) = delete;
  Hogs& operator=(const Hogs&) = delete;

  Response answer(const Request& request) {
    if (request.path() == "/sleep") sleep_until_released();
    if (request.path() == "/spin") spin_until_released();
    return Response::text("pong");
  }
  Result<void> wait_until_one_sleeps(Context& ctx) { return sleeping_.wait(ctx); }
  Result<void> wait_until_one_spins(Context& ctx) { return spinning_.wait(ctx); }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] bool has_given_up() const { return has_given_up_; }
  void release() {
    is_released_ = true;
    EXPECT_EQ(::write(pipe_[1], "x", 1), 1);
  }

 private:
  void sleep_until_released() {
    ++count_;
    sleeping_.done();
    if (!is_readable_within_patience()) is_released_ = has_given_up_ = true;
    --count_;
  }
  void spin_until_released() {
    ++count_;
    spinning_.done();
    while (!is_released_) {}
    --count_;
  }
  // Sysmon asks a hog by a signal where it is, and poll does not go on by itself after one.
  [[nodiscard]] bool is_readable_within_patience() const {
    pollfd readable{.fd = pipe_[0], .events = POLLIN, .revents = 0};
    int count = 0;
    do count = ::poll(&readable, 1, static_cast<int>(kPatience.count()));
    while (count < 0 && errno == EINTR);
    return count == 1;
  }

  std::array<int, 2> pipe_{};
  WaitGroup sleeping_, spinning_;
  std::atomic<int> count_{0};  // of those at it
  std::atomic<bool> is_released_{false};
  std::atomic<bool> has_given_up_{false};
};

bool is_ponged(Context& ctx, Client& client, std::string_view path) {
  auto response = client.send(ctx, Request("GET", path));
  EXPECT_TRUE(response) << path << ": " << response.error().describe();
  return response && response->body == "pong";
}

// Each asks over the connection that it has had since before the hogs.
int count_answers(Context& ctx, std::deque<Client>& clients) {
  std::atomic<int> answers{0};
  TaskGroup group(ctx);
  for (Client& client : clients)
    group.go([&](Context& own) {
      for (int i = 0; i < kRequestsEach; ++i) answers += is_ponged(own, client, "/ping") ? 1 : 0;
    });
  EXPECT_TRUE(group.wait());
  return answers;
}

void serve_crowd_beside_hogs(Context& ctx) {
  Telemetry telemetry;
  Hogs hogs;
  auto listener = net::listen(*net::Address::from_ip("127.0.0.1", 0));
  ASSERT_TRUE(listener) << listener.error().describe();
  auto handler = [&](Context&, const Request& request) { return hogs.answer(request); };
  Server server(*std::move(listener), {}, handler, {runtime_clock(), telemetry.metrics, telemetry.log});
  Context stop(ctx);
  const net::HostPort address{"127.0.0.1", server.address().port};
  Client hogging_client(address, runtime_clock());
  std::deque<Client> clients;
  TaskGroup serving(ctx);
  serving.go([&](Context&) { return server.serve(stop); });
  for (int i = 0; i < kConnections; ++i) EXPECT_TRUE(is_ponged(ctx, clients.emplace_back(address, runtime_clock()), "/ping"));

  TaskGroup hogging(ctx);
  hogging.go([&](Context& own) { EXPECT_TRUE(is_ponged(own, hogging_client, "/sleep")); });
  EXPECT_TRUE(hogs.wait_until_one_sleeps(ctx));  // who gives up is there before who cannot
  hogging.go([&](Context& own) { EXPECT_TRUE(is_ponged(own, hogging_client, "/spin")); });
  EXPECT_TRUE(hogs.wait_until_one_spins(ctx));
  EXPECT_EQ(count_answers(ctx, clients), kConnections * kRequestsEach);
  EXPECT_EQ(hogs.count(), 2) << "the hogs were at it all the time";
  EXPECT_FALSE(hogs.has_given_up()) << "nobody was answered while they were at it";
  hogs.release();
  EXPECT_TRUE(hogging.wait());
  EXPECT_TRUE(telemetry.page().contains("\nhttp_server_connections_total " + std::to_string(kConnections + 2) + "\n"))
      << telemetry.page();
  stop.cancel();
  EXPECT_TRUE(serving.wait());
}

TEST(HoggingHandler, KeepsNobodyElseFromBeingAnsweredOnOneProcessor) { on_processors(1, serve_crowd_beside_hogs, 10ms); }

TEST(HoggingHandler, KeepsNobodyElseFromBeingAnsweredOnTwoProcessors) { on_processors(2, serve_crowd_beside_hogs, 10ms); }

}  // namespace
}  // namespace sluice::http
