// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_connection.hpp>
#include <sluice/http/h2_connection.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/net/memory_stream.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/prometheus.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http {

/// Room on the wire for whatever a test says, unless it is about a wire that is full.
inline constexpr std::size_t kWideWire = std::size_t{4} << 20;

/// Everything that has come so far. Never parks.
inline std::string take_arrived(net::Stream& stream) {
  Context ended;
  ended.cancel();
  std::string all;
  for (std::array<std::byte, 4096> buffer;;) {
    auto count = stream.read(ended, buffer);
    if (!count || *count == 0) return all;
    all.append(as_text(std::span(buffer).first(*count)));
  }
}

/// A reply as a client reads it.
struct Reply {
  int status = 0;
  std::string body;
  bool closes = false;
  Headers headers;
};

/// The replies that lie in `bytes` one behind the other; fails if something else does. `method`: of all the requests.
inline std::vector<Reply> parse_replies(std::string_view bytes, std::string_view method = "GET") {
  std::vector<Reply> replies;
  const H1Limits limits{.head_bytes = 256 * 1024};
  while (!bytes.empty()) {
    Response response;
    H1ResponseParser parser(limits, method == "HEAD");
    auto head = parser.parse(bytes, response);
    if (!head || !head->done) {
      ADD_FAILURE() << "not a reply: " << bytes.substr(0, 200);
      break;
    }
    bytes.remove_prefix(head->consumed);
    std::string body;
    H1BodyDecoder decoder(status::is_interim(response.status) ? H1Framing{} : parser.framing(), limits, kWideWire);
    auto step = decoder.decode(bytes, &body);
    bool is_whole = step && (step->done || parser.framing().kind == H1Framing::Kind::kUntilClose);
    if (!is_whole) {
      ADD_FAILURE() << "the body of " << response.status << " is not complete: " << bytes.substr(0, 200);
      break;
    }
    bytes.remove_prefix(step->consumed);
    replies.push_back({response.status, body, !parser.keeps_alive(), response.headers});
  }
  return replies;
}

/// Counts what goes through a stream, and how often.
class CountingStream final : public net::Stream {
 public:
  /// What a test counts, and may look at when the stream is gone.
  struct Counts {
    int reads = 0;
    int writes = 0;
  };
  CountingStream(std::unique_ptr<net::Stream> stream, Counts& counts) : stream_(std::move(stream)), counts_(counts) {}

  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override {
    auto count = stream_->read(ctx, into);
    if (count) ++counts_.reads;
    return count;
  }
  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override {
    auto count = stream_->try_read(into);
    if (count && *count) ++counts_.reads;
    return count;
  }
  bool stand_by(Standby& standby, Deadline until) override { return stream_->stand_by(standby, until); }
  Result<void> write(Context& ctx, net::Pieces pieces) override {
    ++counts_.writes;
    return stream_->write(ctx, pieces);
  }
  Result<std::size_t> try_write(net::Pieces pieces) override {
    ++counts_.writes;
    return stream_->try_write(pieces);
  }
  void shutdown_write() noexcept override { stream_->shutdown_write(); }
  bool peer_has_gone() noexcept override { return stream_->peer_has_gone(); }
  net::Address peer() const noexcept override { return stream_->peer(); }

 private:
  const std::unique_ptr<net::Stream> stream_;
  Counts& counts_;
};

/// Keeps the reasons of what a connection has refused by itself.
class RefusalList final : public RefusalObserver {
 public:
  void on_refusal(int, const Error& why) noexcept override { reasons.emplace_back(why.reason()); }
  std::vector<std::string> reasons;
};

/// A client's side of one connection, with the server's side served as a server does. In virtual time only.
class Conversation {
 public:
  Conversation(Context& ctx, Handler handler, H1Options options = {}, std::size_t wire_bytes = kWideWire,
               BodyBudget* bodies = nullptr)
      : ctx_(ctx), requests_(ctx), accepting_(ctx),
        service_{.options = options,
                 .handler = std::move(handler),
                 .clock = runtime_clock(),
                 .refusals = refusals,
                 .bodies = bodies,
                 .requests = requests_,
                 .accepting = accepting_,
                 .on_closed = [this] { end(); },
                 .h2 = &h2_},
        h2_{.options = {}, .handler = service_.handler, .clock = runtime_clock(), .refusals = refusals, .bodies = bodies} {
    auto [client, server] = net::memory_pair(wire_bytes);
    client_ = std::move(client);
    open_.add();
    EXPECT_TRUE(H1Connection::start(std::make_unique<CountingStream>(std::move(server), counts_), service_));
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation() {
    client_.reset();
    requests_.cancel();
    accepting_.cancel();
    Context patience;
    EXPECT_TRUE(open_.wait(patience));
  }

  /// Parks if the wire is full.
  void say(std::string_view bytes) {
    auto written = client_->write(ctx_, as_bytes(bytes));
    EXPECT_TRUE(written) << written.error().describe();
  }
  /// What the server sends until everybody waits.
  std::string hear() {
    let_all_park(ctx_);
    return take_arrived(*client_);
  }
  std::vector<Reply> replies(std::string_view method = "GET") { return parse_replies(hear(), method); }
  /// Says this and hears the one reply to it.
  Reply ask(std::string_view bytes) {
    say(bytes);
    auto heard = replies();
    EXPECT_EQ(heard.size(), 1U) << "to " << bytes.substr(0, 100);
    return heard.empty() ? Reply{} : std::move(heard.front());
  }

  void wait(Duration length) { EXPECT_TRUE(sleep(ctx_, length)); }
  void end_input() { client_->shutdown_write(); }
  void hang_up() { client_.reset(); }
  void stop_accepting() { accepting_.cancel(); }
  void cancel_requests(Error why) { requests_.cancel(std::move(why)); }
  /// The server has closed its side altogether.
  bool is_over() {
    let_all_park(ctx_);
    return is_over_;
  }
  [[nodiscard]] int writes_so_far() const { return counts_.writes; }
  [[nodiscard]] int reads_so_far() const { return counts_.reads; }
  net::Stream& client() { return *client_; }

  RefusalList refusals;

 private:
  void end() {
    is_over_ = true;
    open_.done();
  }

  Context& ctx_;
  Context requests_;
  Context accepting_;
  H1Service service_;
  const H2Service h2_;
  std::unique_ptr<net::Stream> client_;
  CountingStream::Counts counts_;
  bool is_over_ = false;
  WaitGroup open_;
};

/// What middlewares and servers report to, and how a test reads it.
struct Telemetry {
  /// All log lines since the last call.
  std::string lines() {
    std::string all;
    while (log.drain([&](observe::Level, std::string_view line) { all.append(line); }) > 0) {
    }
    return all;
  }
  /// The metrics page.
  [[nodiscard]] std::string page() const { return observe::prometheus_text(metrics); }

  observe::Registry metrics;
  observe::Logger log{runtime_clock(), metrics};
  observe::IdSource ids{{1, 2}};
};

/// Gives out streams that a test has made.
class MemoryListener final : public net::Listener {
 public:
  /// The client's end of a new connection; parks while nobody accepts the ones before it.
  std::unique_ptr<net::Stream> connect(std::size_t wire_bytes = kWideWire) {
    auto [client, server] = net::memory_pair(wire_bytes);
    EXPECT_TRUE(waiting_.send(std::move(server)));
    return std::move(client);
  }
  Result<std::unique_ptr<net::Stream>> accept(Context& ctx) override {
    SLUICE_TRY(auto stream, waiting_.recv(ctx));
    if (!stream) return fail(Code::kUnavailable, "the listener is broken");
    return *std::move(stream);
  }
  net::Address address() const noexcept override { return {.port = 80}; }
  void break_down() { waiting_.close(); }

 private:
  Chan<std::unique_ptr<net::Stream>> waiting_{1024};
};

}  // namespace sluice::http
