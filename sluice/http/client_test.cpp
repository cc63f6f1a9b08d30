// SPDX-License-Identifier: MIT
#include <sluice/http/client.hpp>

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/span_key.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// A server that follows a script: on its n-th connection it answers each request with the next of these texts, and hangs
// up when it is asked once more.
class Script {
 public:
  using Answers = std::vector<std::string>;
  /// As an answer: says nothing and keeps the connection open.
  static constexpr const char* kSilence = "silence";

  Script(Context& ctx, std::vector<Answers> connections) : connections_(std::move(connections)), group_(ctx) {}

  Dialer dialer(std::size_t wire_bytes = kWideWire) {
    return [this, wire_bytes](Context&) -> Result<std::unique_ptr<net::Stream>> {
      if (dialled == connections_.size()) return fail(Code::kUnavailable, "nobody listens");
      auto [client, server] = net::memory_pair(wire_bytes);
      group_.go([this, answers = connections_[dialled++], stream = std::move(server)](Context& ctx) {
        follow(ctx, *stream, answers);
      });
      return std::move(client);
    };
  }

  std::size_t dialled = 0;
  std::vector<std::string> heard;  // each request, as far as it came in one piece

 private:
  void follow(Context& ctx, net::Stream& stream, const Answers& answers) {
    std::array<std::byte, 4096> buffer;
    for (std::size_t i = 0;; ++i) {
      auto count = stream.read(ctx, buffer);
      if (!count || *count == 0) return;
      heard.emplace_back(as_text(std::span(buffer).first(*count)));
      if (i == answers.size()) return;
      if (answers[i] == kSilence) {
        static_cast<void>(sleep(ctx, 24h));
        return;
      }
      EXPECT_TRUE(stream.write(ctx, as_bytes(answers[i])));
    }
  }

  const std::vector<Answers> connections_;
  TaskGroup group_;
};

std::string ok(std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

const Request kGet("GET", "/a");
const Request kPost("POST", "/b", "body");

TEST(Client, UsesAConnectionAgain) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{ok("1"), ok("2"), ok("3")}});
    Client client("h:1", script.dialer(), runtime_clock());
    for (const char* body : {"1", "2", "3"}) {
      auto response = client.send(ctx, kGet);
      ASSERT_TRUE(response) << response.error().describe();
      EXPECT_EQ(response->status, 200);
      EXPECT_EQ(response->body, body);
    }
    EXPECT_EQ(script.dialled, 1U);
  });
}

TEST(Client, SaysWhomItAsksAndWhereInWhichTrace) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{ok(""), ok("")}});
    Client client("h:1", script.dialer(), runtime_clock());
    ASSERT_TRUE(client.send(ctx, kPost));
    EXPECT_EQ(script.heard.at(0), "POST /b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 4\r\n\r\nbody");
    Context traced(ctx);
    observe::SpanContext span{{1, 2}, {3}, true};
    traced.set(kSpanKey, span);
    ASSERT_TRUE(client.send(traced, kGet));
    auto header = observe::format_traceparent(span);
    EXPECT_TRUE(script.heard.at(1).contains("traceparent: " + std::string(header.data(), header.size()) + "\r\n"));
  });
}

TEST(Client, DoesNotKeepAConnectionThatEnds) {
  in_virtual_time([](Context& ctx) {
    for (const std::string& last : {ok("x", "Connection: close\r\n"), std::string("HTTP/1.0 200 OK\r\n"
                                                                               "Content-Length: 1\r\n\r\nx"),
                                    ok("x") + "bytes that belong to no answer"}) {
      Script script(ctx, {{last}, {ok("second")}});
      Client client("h", script.dialer(), runtime_clock());
      EXPECT_EQ(client.send(ctx, kPost)->body, "x") << last;
      EXPECT_EQ(client.send(ctx, kPost)->body, "second") << last;
      EXPECT_EQ(script.dialled, 2U) << last;
    }
  });
}

TEST(Client, ReadsAChunkedAnswer) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
                         ok("next")}});
    Client client("h", script.dialer(), runtime_clock());
    EXPECT_EQ(client.send(ctx, kGet)->body, "abcde");
    EXPECT_EQ(client.send(ctx, kGet)->body, "next");
  });
}

TEST(Client, ReadsAnAnswerThatEndsWithItsConnection) {
  in_virtual_time([](Context& ctx) {
    auto [near, far] = net::memory_pair(kWideWire);
    ASSERT_TRUE(far->write(ctx, as_bytes("HTTP/1.1 200 OK\r\n\r\nall that comes")));
    far->shutdown_write();
    Client client("h", [&](Context&) -> Result<std::unique_ptr<net::Stream>> { return std::move(near); },
                  runtime_clock());
    EXPECT_EQ(client.send(ctx, kGet)->body, "all that comes");
  });
}

TEST(Client, KnowsWhichAnswersHaveNoBody) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
                         "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ok("end")}});
    Client client("h", script.dialer(), runtime_clock());
    EXPECT_EQ(client.send(ctx, Request("HEAD", "/"))->body, "");
    EXPECT_EQ(client.send(ctx, kGet)->status, 204);
    EXPECT_EQ(client.send(ctx, kGet)->status, 304);
    EXPECT_EQ(client.send(ctx, kGet)->body, "end");
  });
}

TEST(Client, PassesOverInterimAnswersUpToALimit) {
  in_virtual_time([](Context& ctx) {
    auto after = [](int interim) {
      std::string text;
      for (int i = 0; i < interim; ++i) text.append("HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n");
      return text + ok("final");
    };
    Script script(ctx, {{after(8)}, {after(9)}});
    Client client("h", script.dialer(), runtime_clock());
    EXPECT_EQ(client.send(ctx, kGet)->body, "final");
    client.close_idle();
    EXPECT_EQ(client.send(ctx, kGet).error().reason(), "bad-response");
  });
}

TEST(Client, RefusesAnAnswerThatIsTooLarge) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{ok("12345"), ok("123456")}});
    Client client("h", script.dialer(), runtime_clock(), {.body_bytes_max = 5});
    EXPECT_EQ(client.send(ctx, kGet)->body, "12345");
    auto refused = client.send(ctx, kGet);
    EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
    EXPECT_EQ(refused.error().reason(), "too-large");
  });
}

TEST(Client, RefusesWhatIsNotHttp) {
  in_virtual_time([](Context& ctx) {
    for (const char* nonsense : {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
      Script script(ctx, {{nonsense}});
      Client client("h", script.dialer(), runtime_clock());
      auto refused = client.send(ctx, kGet);
      ASSERT_FALSE(refused) << nonsense;
      EXPECT_EQ(refused.error().code(), Code::kUnavailable) << nonsense;
      EXPECT_EQ(refused.error().reason(), "bad-response") << nonsense;
    }
  });
}

TEST(Client, NeverTakesAPartForTheWhole) {
  in_virtual_time([](Context& ctx) {
    auto [near, far] = net::memory_pair(kWideWire);
    ASSERT_TRUE(far->write(ctx, as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")));
    far->shutdown_write();
    Client client("h", [&](Context&) -> Result<std::unique_ptr<net::Stream>> { return std::move(near); },
                  runtime_clock());
    EXPECT_EQ(client.send(ctx, kGet).error().reason(), "connection-lost");
  });
}

TEST(Client, GivesUpAtTheDeadlineAndDropsTheConnection) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{Script::kSilence}, {ok("fresh")}});
    Client client("h", script.dialer(), runtime_clock());
    Context limited(ctx, 2s);
    EXPECT_EQ(client.send(limited, kGet).error().code(), Code::kDeadlineExceeded);
    // An answer that comes late must not become the next request's.
    EXPECT_EQ(client.send(ctx, kGet)->body, "fresh");
  });
}

TEST(Client, HearsAnAnswerThatComesBeforeItHasSentAll) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}});
    Client client("h", script.dialer(4096), runtime_clock());
    auto response = client.send(ctx, Request("POST", "/", std::string(100'000, 'x')));
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 413);
  });
}

// ---- kept connections that have died ----

TEST(Client, ReplacesAConnectionThatDiesUnderASafeRequestOnly) {
  in_virtual_time([](Context& ctx) {
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
      Script script(ctx, {{ok("")}, {ok("")}});  // the first connection dies when it is asked the second time
      Client client("h", script.dialer(), runtime_clock());
      ASSERT_TRUE(client.send(ctx, kGet));
      EXPECT_TRUE(client.send(ctx, Request(method, "/"))) << method;
      EXPECT_EQ(script.dialled, 2U) << method;
    }
    for (const char* method : {"POST", "PATCH"}) {
      Script script(ctx, {{ok("")}, {ok("")}});
      Client client("h", script.dialer(), runtime_clock());
      ASSERT_TRUE(client.send(ctx, kGet));
      auto lost = client.send(ctx, Request(method, "/", "x"));
      ASSERT_FALSE(lost) << method;
      EXPECT_EQ(lost.error().reason(), "connection-lost") << method;
      EXPECT_EQ(script.dialled, 1U) << method;
    }
  });
}

TEST(Client, DoesNotRepeatARequestOnAFreshConnection) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{}, {ok("")}});
    Client client("h", script.dialer(), runtime_clock());
    EXPECT_EQ(client.send(ctx, kGet).error().reason(), "connection-lost");
    EXPECT_EQ(script.dialled, 1U);
  });
}

TEST(Client, DoesNotRepeatARequestThatHasAnAnswerBegun) {
  in_virtual_time([](Context& ctx) {
    Script script(ctx, {{ok(""), "HTTP/1.1 200 OK\r\n"}, {ok("")}});
    Client client("h", script.dialer(), runtime_clock());
    ASSERT_TRUE(client.send(ctx, kGet));
    Context limited(ctx, 1s);
    EXPECT_FALSE(client.send(limited, kGet));
    EXPECT_EQ(script.dialled, 1U);
  });
}

// Two connections, made by hand so that the test can do to them what it likes while they idle.
class IdleClient : public testing::Test {
 protected:
  void run(const std::function<void(Context&, Client&)>& test) {
    in_virtual_time([&](Context& ctx) {
      far.clear();
      Dialer dial = [this](Context&) -> Result<std::unique_ptr<net::Stream>> {
        auto [client, server] = net::memory_pair(kWideWire);
        far.push_back(std::move(server));
        return std::move(client);
      };
      Client client("h", dial, runtime_clock(), {.idle_max = 2, .idle_time = 30s});
      test(ctx, client);
    });
  }
  // The answer to a request that connection number `at` is expected to carry.
  std::string exchange(Context& ctx, Client& client, const Request& request, std::size_t at) {
    Result<Response> response = fail(Code::kInternal);
    TaskGroup group(ctx);
    group.go([&](Context& own) { response = client.send(own, request); });
    let_all_park(ctx);
    EXPECT_EQ(far.size(), at + 1);
    EXPECT_FALSE(take_arrived(*far.at(at)).empty()) << "nothing was asked on connection " << at;
    EXPECT_TRUE(far.at(at)->write(ctx, as_bytes(ok("answer " + std::to_string(at)))));
    EXPECT_TRUE(group.wait());
    return response ? response->body : response.error().describe();
  }

  std::vector<std::unique_ptr<net::Stream>> far;  // the servers' ends
};

TEST_F(IdleClient, SendsNothingOnAConnectionThatWasClosedMeanwhile) {
  run([this](Context& ctx, Client& client) {
    EXPECT_EQ(exchange(ctx, client, kPost, 0), "answer 0");
    far[0].reset();
    // Even a POST may take another one, for not a byte of it was sent.
    EXPECT_EQ(exchange(ctx, client, kPost, 1), "answer 1");
  });
}

TEST_F(IdleClient, TakesNothingUnasked) {
  run([this](Context& ctx, Client& client) {
    EXPECT_EQ(exchange(ctx, client, kGet, 0), "answer 0");
    ASSERT_TRUE(far[0]->write(ctx, as_bytes("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")));
    EXPECT_EQ(exchange(ctx, client, kGet, 1), "answer 1");
  });
}

TEST_F(IdleClient, DropsAConnectionThatHasIdledTooLong) {
  run([this](Context& ctx, Client& client) {
    EXPECT_EQ(exchange(ctx, client, kGet, 0), "answer 0");
    EXPECT_TRUE(sleep(ctx, 29s));
    EXPECT_EQ(exchange(ctx, client, kGet, 0), "answer 0");
    EXPECT_TRUE(sleep(ctx, 31s));
    EXPECT_EQ(exchange(ctx, client, kGet, 1), "answer 1");
    EXPECT_TRUE(far[0]->peer_has_gone());
  });
}

TEST_F(IdleClient, ClosesItsKeptConnectionsWhenTold) {
  run([this](Context& ctx, Client& client) {
    EXPECT_EQ(exchange(ctx, client, kGet, 0), "answer 0");
    client.close_idle();
    EXPECT_TRUE(far[0]->peer_has_gone());
    EXPECT_EQ(exchange(ctx, client, kGet, 1), "answer 1");
  });
}

TEST_F(IdleClient, KeepsNoMoreThanItMayAndLetsTheSurplusGrowOld) {
  run([this](Context& ctx, Client& client) {
    auto open = [&] {
      std::size_t count = 0;
      for (auto& stream : far) count += stream->peer_has_gone() ? 0 : 1;
      return count;
    };
    // A crowd: four at once.
    TaskGroup group(ctx);
    for (int i = 0; i < 4; ++i) group.go([&](Context& own) { EXPECT_TRUE(client.send(own, kGet)); });
    let_all_park(ctx);
    ASSERT_EQ(far.size(), 4U);
    for (auto& stream : far) {
      static_cast<void>(take_arrived(*stream));
      EXPECT_TRUE(stream->write(ctx, as_bytes(ok(""))));
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(open(), 2U);
    // One asks on, now and then, and the other connection is not needed any more.
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(sleep(ctx, 20s));
      TaskGroup one(ctx);
      one.go([&](Context& own) { EXPECT_TRUE(client.send(own, kGet)); });
      let_all_park(ctx);
      for (auto& stream : far) {
        if (!stream->peer_has_gone() && !take_arrived(*stream).empty()) {
          EXPECT_TRUE(stream->write(ctx, as_bytes(ok(""))));
        }
      }
      EXPECT_TRUE(one.wait());
    }
    EXPECT_EQ(far.size(), 4U);
    EXPECT_EQ(open(), 1U);
  });
}

}  // namespace
}  // namespace sluice::http
