// SPDX-License-Identifier: MIT
#include <sluice/http/sse.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/client.hpp>
#include <sluice/http/h1_writer.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/http/middleware/default_chain.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tcp.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::string_view kGet = "GET /e HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n";

// Of a reply that begins so long after the test.
std::string head(int seconds = 0) {
  return "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:" + std::to_string(20 + seconds) +
         " GMT\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n"
         "Connection: keep-alive\r\n\r\n";
}

using Stream = std::function<Result<void>(Context&, EventWriter&)>;

Handler events(Stream stream, EventStreamOptions options = {}) {
  return [stream = std::move(stream), options](Context&, const Request&) { return event_stream(stream, options); };
}

// What one chunk of a reply holds.
std::string chunk(std::string_view text) {
  std::string out;
  append_chunk(out, text);
  return out;
}

TEST(Event, IsWrittenAsTheStandardSays) {
  struct Case {
    Event event;
    const char* text;
  };
  const Case table[] = {
      {{.data = "hello"}, "data: hello\n\n"},
      {{.data = R"({"a":1})"}, "data: {\"a\":1}\n\n"},
      {{.data = ""}, "data: \n\n"},
      {{.data = "two\nlines"}, "data: two\ndata: lines\n\n"},
      {{.data = "a\r\nb\rc\n\nd"}, "data: a\ndata: b\ndata: c\ndata: \ndata: d\n\n"},
      {{.data = "ends\n"}, "data: ends\ndata: \n\n"},
      {{.data = " a blank in front"}, "data:  a blank in front\n\n"},
      {{.data = "x", .name = "tick"}, "event: tick\ndata: x\n\n"},
      {{.data = "x", .id = "7"}, "id: 7\ndata: x\n\n"},
      {{.data = "x", .retry = 1500ms}, "retry: 1500\ndata: x\n\n"},
      {{.data = "x", .name = "n", .id = "i", .retry = 1s}, "event: n\nid: i\nretry: 1000\ndata: x\n\n"},
      {{.data = "id: forged\n\ndata: forged"}, "data: id: forged\ndata: \ndata: data: forged\n\n"},
  };
  for (const Case& each : table) {
    std::string out;
    ASSERT_TRUE(append_event(out, each.event));
    EXPECT_EQ(out, each.text);
  }
}

TEST(Event, RefusesWhatWouldForgeAnotherField) {
  const std::string bad[] = {"a\nb", "a\rb", "\n"};
  for (const std::string& each : bad) {
    std::string out = "before";
    EXPECT_EQ(append_event(out, {.data = "x", .name = each}).error().field(), "name");
    EXPECT_EQ(append_event(out, {.data = "x", .id = each}).error().field(), "id");
    EXPECT_EQ(out, "before");
  }
  std::string out;
  EXPECT_EQ(append_event(out, {.data = "x", .id = "a\0b"s}).error().reason(), "bad-event");
}

TEST(EventStream, SendsTheHeadAndEachEventAtOnce) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter& out) -> Result<void> {
                        for (int i = 0; i < 2; ++i) {
                          SLUICE_TRY(sleep(own, 1s));
                          SLUICE_TRY(out.send(own, {.data = std::to_string(i)}));
                        }
                        return sleep(own, 1s);
                      }));
    talk.say(kGet);
    EXPECT_EQ(talk.hear(), head());
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), chunk("data: 0\n\n"));
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), chunk("data: 1\n\n"));
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), "0\r\n\r\n");
    EXPECT_EQ(talk.writes_so_far(), 4);
    talk.say(kGet);  // the connection goes on
    EXPECT_EQ(talk.hear(), head(3));
  });
}

TEST(EventStream, LeavesToHttp10ClientsToReadUntilTheEnd) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter& out) { return out.send(own, {.data = "x"}); }));
    talk.say("GET /e HTTP/1.0\r\n\r\n");
    std::string heard = talk.hear();
    EXPECT_TRUE(heard.contains("Connection: close\r\n")) << heard;
    EXPECT_TRUE(heard.ends_with("\r\n\r\ndata: x\n\n")) << heard;
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(EventStream, TellsTheHandlerWhereAClientGoesOn) {
  Request first("GET", "/e"), again("GET", "/e");
  again.headers().add("Last-Event-ID", "41");
  EXPECT_EQ(last_event_id(first), "");
  EXPECT_EQ(last_event_id(again), "41");
}

TEST(EventStream, SaysSomethingWhenThereIsNothingToSay) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter& out) -> Result<void> {
                        SLUICE_TRY(sleep(own, 40s));
                        SLUICE_TRY(out.send(own, {.data = "x"}));
                        return sleep(own, 1h);
                      }));
    talk.say(kGet);
    talk.wait(15s - 1us);
    EXPECT_EQ(talk.hear(), head());
    talk.wait(1us);
    EXPECT_EQ(talk.hear(), chunk(":\n\n"));
    talk.wait(25s);
    EXPECT_EQ(talk.hear(), chunk(":\n\n") + chunk("data: x\n\n"));
    talk.wait(14s);  // 15 after the last comment would have been earlier
    EXPECT_EQ(talk.hear(), "");
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), chunk(":\n\n"));
  });
}

TEST(EventStream, KeepsSilentIfItIsToldSo) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter&) { return sleep(own, 1h); }, {.keep_alive = 0s}));
    talk.say(kGet);
    talk.wait(50min);
    EXPECT_EQ(talk.hear(), head());
  });
}

TEST(EventStream, EndsItsContextWithinATurnOfTheClientsLeaving) {
  for (bool ends_direction_only : {false, true}) {
    in_virtual_time([&](Context& ctx) {
      Error seen(Code::kUnknown);
      Conversation talk(ctx, events([&](Context& own, EventWriter&) -> Result<void> {
                          auto slept = sleep(own, 24h);  // only waits
                          seen = slept.error();
                          return slept;
                        }, {.keep_alive = 0s}));
      talk.say(kGet);
      talk.wait(1h);
      Instant left = runtime_clock().now();
      ends_direction_only ? talk.end_input() : talk.hang_up();
      let_all_park(ctx);
      EXPECT_EQ(seen.reason(), "client-gone");
      EXPECT_LE(runtime_clock().now() - left, Duration(1));
      EXPECT_TRUE(talk.is_over());
      EXPECT_TRUE(talk.refusals.reasons.empty());
    });
  }
}

TEST(EventStream, KeepsTheNextRequestForLater) {
  in_virtual_time([](Context& ctx) {
    int calls = 0;
    Conversation talk(ctx, events([&](Context& own, EventWriter& out) -> Result<void> {
                        SLUICE_TRY(sleep(own, 1s));
                        return out.send(own, {.data = std::to_string(++calls)});
                      }));
    talk.say(std::string(kGet) + std::string(kGet).substr(0, 20));
    EXPECT_EQ(talk.hear(), head());
    talk.say(std::string(kGet).substr(20));  // comes while the first one streams
    EXPECT_EQ(talk.hear(), "");
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), chunk("data: 1\n\n") + "0\r\n\r\n" + head(1));
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), chunk("data: 2\n\n") + "0\r\n\r\n");
  });
}

TEST(EventStream, StopsWatchingAClientThatFillsTheInput) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter& out) -> Result<void> {
                        SLUICE_TRY(sleep(own, 1s));
                        return out.send(own, {.data = "x"});
                      }));
    std::string requests;
    while (requests.size() < H1Connection::kInputBytes + 1000) requests.append(kGet);
    talk.say(requests);
    talk.wait(1s);
    EXPECT_TRUE(talk.hear().starts_with(head() + chunk("data: x\n\n") + "0\r\n\r\n"));
  });
}

TEST(EventStream, MakesTheHandlerWaitForASlowClient) {
  in_virtual_time([](Context& ctx) {
    int sent = 0;
    Conversation talk(ctx, events([&](Context& own, EventWriter& out) -> Result<void> {
                        for (; sent < 1000; ++sent) SLUICE_TRY(out.send(own, {.data = std::string(100, 'x')}));
                        return {};
                      }), {}, 1000);
    talk.say(kGet);
    let_all_park(ctx);
    EXPECT_LE(sent, 10);
    std::string heard;
    for (int i = 0; i < 10'000 && !heard.ends_with("\r\n0\r\n\r\n"); ++i) heard.append(talk.hear());
    EXPECT_EQ(sent, 1000);
  });
}

TEST(EventStream, FindsOutThatAClientHasVanishedWhenAKeepAliveCannotLeave) {
  in_virtual_time([](Context& ctx) {
    Error seen(Code::kUnknown);
    Conversation talk(ctx, events([&](Context& own, EventWriter&) -> Result<void> {
                        auto slept = sleep(own, 24h);
                        seen = slept.error();
                        return slept;
                      }), {}, head().size() + 10);
    talk.say(kGet);
    talk.wait(2min);  // nobody reads: two comments fit, and no more
    EXPECT_EQ(seen.reason(), "client-gone");
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(EventStream, SendsEventsOfManyFibersWhole) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, events([](Context& own, EventWriter& out) -> Result<void> {
                        TaskGroup group(own);
                        for (int i = 0; i < 5; ++i) {
                          group.go([&out, i](Context& each) {
                            return out.send(each, {.data = std::string(50, static_cast<char>('a' + i))});
                          });
                        }
                        return group.wait();
                      }), {}, 20);
    talk.say(kGet);
    std::string heard;
    for (int i = 0; i < 10'000 && !heard.ends_with("\r\n0\r\n\r\n"); ++i) heard.append(talk.hear());
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(heard.contains(chunk("data: " + std::string(50, static_cast<char>('a' + i)) + "\n\n"))) << heard;
    }
  });
}

TEST(EventStream, IsSparedTheTimeLimitOfTheDefaultChain) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    middleware::ChainParts parts{runtime_clock(), telemetry.log, telemetry.metrics, telemetry.ids};
    Handler slow = [](Context& own, const Request&) -> Result<Response> {
      SLUICE_TRY(sleep(own, 10s));  // before it answers at all
      return event_stream([](Context& each, EventWriter& out) -> Result<void> {
        SLUICE_TRY(sleep(each, 10s));
        return out.send(each, {.data = "late"});
      });
    };
    Conversation talk(ctx, wrap(middleware::default_chain(parts, {.timeout = 3s}), slow));
    talk.say(kGet);
    talk.wait(20s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 200);
    EXPECT_EQ(replies[0].body, "data: late\n\n");
    talk.say("GET /e HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.wait(20s);
    EXPECT_EQ(talk.replies().at(0).status, 503);  // who does not say that it wants events
  });
}

// On real processors and sockets: a handler, its keep-alives and the watch on the client at the same time.
TEST(EventStream, ServesManyClientsOverTcp) {
  on_processors(4, [](Context& ctx) {
    constexpr int kEvents = kSanitized ? 100 : 1000;
    Telemetry telemetry;
    Context stop(ctx);
    auto count = [](Context& own, EventWriter& out) -> Result<void> {
      for (int i = 0; i < kEvents; ++i) SLUICE_TRY(out.send(own, {.data = std::to_string(i)}));
      return {};
    };
    Server server(net::listen({.ip = {127, 0, 0, 1}}).value(), {}, events(count, {.keep_alive = 10us}),
                  {runtime_clock(), telemetry.metrics, telemetry.log});
    TaskGroup serving(ctx);
    serving.go([&](Context&) { return server.serve(stop); });
    std::string expected;
    for (int i = 0; i < kEvents; ++i) ASSERT_TRUE(append_event(expected, {.data = std::to_string(i)}));
    TaskGroup clients(ctx);
    for (int client = 0; client < 8; ++client) {
      clients.go([&](Context& own) -> Result<void> {
        Client http({"127.0.0.1", server.address().port}, runtime_clock());
        SLUICE_TRY(auto response, http.send(own, Request("GET", "/")));
        std::string body = std::move(response.body);
        for (std::size_t at; (at = body.find(":\n\n")) != body.npos;) body.erase(at, 3);
        EXPECT_EQ(body, expected);
        return {};
      });
    }
    auto done = clients.wait();
    EXPECT_TRUE(done) << done.error().describe();
    stop.cancel();
    EXPECT_TRUE(serving.wait());
  });
}

}  // namespace
}  // namespace sluice::http
