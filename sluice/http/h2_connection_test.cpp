// SPDX-License-Identifier: MIT
#include <sluice/http/h2_connection.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_test.hpp>
#include <sluice/http/middleware/recover.hpp>
#include <sluice/http/middleware/timeout.hpp>
#include <sluice/http/server.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kH1Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Response tell_target(Context&, const Request& request) { return Response::text(std::string(request.target())); }

Response echo(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kWideWire); !read) return to_response(std::move(read).error());
  return Response::text(std::string(request.body()));
}

// The one field that a request came with, as the handler sees it.
Handler tell_field(std::string name) {
  return [name](Context&, const Request& request) {
    return Response::text(std::to_string(request.headers().count(name)) + ":" +
                          std::string(request.headers().find(name).value_or("")));
  };
}

// ---- RFC 9113 §3: which protocol it is ----

class BothProtocols {
 public:
  BothProtocols(Context& ctx, Handler handler) : ctx_(ctx), stop_(ctx), group_(ctx) {
    auto listener = std::make_unique<MemoryListener>();
    listener_ = listener.get();
    server_ = std::make_unique<Server>(std::move(listener), ServerOptions{}, std::move(handler),
                                       ServerParts{runtime_clock(), telemetry.metrics, telemetry.log});
    group_.go([this](Context&) { EXPECT_TRUE(server_->serve(stop_)); });
    client = listener_->connect();
  }
  ~BothProtocols() { stop_.cancel(); }
  void say(std::string_view bytes) { EXPECT_TRUE(client->write(ctx_, as_bytes(bytes))); }
  std::string hear() {
    let_all_park(ctx_);
    return take_arrived(*client);
  }

  Telemetry telemetry;
  std::unique_ptr<net::Stream> client;

 private:
  Context& ctx_;
  Context stop_;
  MemoryListener* listener_;
  std::unique_ptr<Server> server_;
  TaskGroup group_;
};

TEST(Http2_3_4_preface, decides_for_http2_however_it_is_split) {
  in_virtual_time([](Context& ctx) {
    BothProtocols server(ctx, tell_target);
    std::string all = h2_hello() + h2_head(1, h2_get("/both"));
    for (char c : all) {
      server.say({&c, 1});
      let_all_park(ctx);
    }
    auto frames = h2_frames(server.hear());
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames.front().type, kSettings) << "RFC 9113 §3.4: the server's preface is SETTINGS";
    auto data = std::find_if(frames.begin(), frames.end(), [](const H2Frame& frame) { return frame.type == kData; });
    ASSERT_NE(data, frames.end());
    EXPECT_EQ(data->payload, "/both");
    EXPECT_EQ(data->flags, kEndStream);
  });
}

TEST(Http2_3_4_preface, leaves_everything_else_to_http_1_1) {
  in_virtual_time([](Context& ctx) {
    BothProtocols server(ctx, tell_target);
    server.say(kH1Get);
    EXPECT_EQ(parse_replies(server.hear()).at(0).body, "/");
    server.say(internal::kH2Preface);
    EXPECT_TRUE(server.hear().starts_with("HTTP/1.1 505")) << "later on it is no preface";
  });
  in_virtual_time([](Context& ctx) {
    BothProtocols server(ctx, tell_target);
    server.say("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    EXPECT_TRUE(server.hear().starts_with("HTTP/1.1 505"));
  });
}

TEST(Http2_3_4_preface, that_stays_incomplete_is_told_so_in_time) {
  in_virtual_time([](Context& ctx) {
    BothProtocols server(ctx, tell_target);
    server.say("PRI * HTT");
    EXPECT_TRUE(sleep(ctx, 11s));
    EXPECT_TRUE(server.hear().starts_with("HTTP/1.1 408"));
  });
}

TEST(Http2_3_4_preface, that_is_wrong_where_http2_was_agreed_ends_the_connection) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(kH1Get);
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kGoAway), NGHTTP2_PROTOCOL_ERROR);
    served.client().shutdown_write();
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_3_1_upgrade, by_h2c_is_ignored) {
  in_virtual_time([](Context& ctx) {
    BothProtocols server(ctx, tell_target);
    server.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n");
    EXPECT_EQ(parse_replies(server.hear()).at(0).status, 200);
  });
}

// ---- RFC 9113 §8: requests and replies ----

TEST(Http2_8_1_reply, has_its_fields_in_lower_case_and_its_length) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      EXPECT_EQ(request.version(), Version::kHttp2);
      EXPECT_EQ(request.path(), "/a");
      EXPECT_EQ(request.query(), "b=1");
      Response response = Response::text("hello", status::kCreated);
      response.headers.add("X-Name", " spaced ");
      return response;
    });
    H2Client client(served);
    H2Reply& reply = client.ask(h2_get("/a?b=1"));
    EXPECT_EQ(reply.status, 201);
    EXPECT_EQ(reply.body, "hello");
    EXPECT_TRUE(reply.is_closed);
    EXPECT_EQ(reply.error_code, 0U);
    EXPECT_EQ(reply.headers.find("content-length"), "5");
    EXPECT_EQ(reply.headers.find("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_EQ(reply.headers.find("x-name"), "spaced");
    EXPECT_TRUE(reply.headers.text().contains("x-name")) << "and not X-Name";
  });
}

TEST(Http2_8_2_2_connection_fields, of_a_handler_are_left_out) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) {
      Response response = Response::text("x");
      for (const char* name : {"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}) {
        response.headers.add(name, "close");
      }
      response.headers.add("Content-Length", "77");
      return response;
    });
    H2Client client(served);
    H2Reply& reply = client.ask(h2_get());
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.find("content-length"), "1");
    for (const char* name : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
      EXPECT_EQ(reply.headers.count(name), 0U) << name;
    }
  });
}

TEST(Http2_8_2_2_connection_fields, of_a_client_make_a_request_malformed) {
  in_virtual_time([](Context& ctx) {
    for (FieldList wrong : {FieldList{{"connection", "close"}}, FieldList{{"te", "gzip"}}, FieldList{{"Upper", "x"}},
                            FieldList{{"transfer-encoding", "chunked"}}, FieldList{{":late", "x"}},
                            FieldList{{":method", "PUT"}}}) {
      H2Served served(ctx, tell_target);
      served.say(h2_hello() + h2_head(1, h2_get("/", wrong)) + h2_head(3, h2_get("/", {{"te", "trailers"}})));
      auto frames = h2_frames(served.hear());
      EXPECT_EQ(h2_error(frames, kRstStream, 1), NGHTTP2_PROTOCOL_ERROR) << wrong[0].first;
      EXPECT_EQ(h2_error(frames, kGoAway), -1);
      EXPECT_EQ(frames.back().stream, 3) << "the next request is answered";
      EXPECT_EQ(served.refusals.reasons.at(0), "bad-frame");
    }
  });
}

TEST(Http2_8_2_1_field_values, that_are_malformed_are_refused_and_not_passed_over) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello() + h2_head(1, h2_get("/", {{"x-a", std::string("a\0b", 3)}})));
    EXPECT_NE(served.hear().find("bad-header"), std::string::npos);
    EXPECT_EQ(served.refusals.reasons.at(0), "bad-header");
  });
}

TEST(Http2_8_2_3_cookies, come_in_crumbs_and_are_read_whole) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_field("cookie"));
    H2Client client(served);
    EXPECT_EQ(client.ask(h2_get("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c=3"}})).body, "1:a=1; b=2; c=3");
  });
}

TEST(Http2_8_3_1_authority, becomes_the_host_and_must_agree_with_it) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_field("host"));
    H2Client client(served);
    auto ask = [&](std::string authority, FieldList more) {
      FieldList fields = h2_get("/", std::move(more));
      if (authority.empty()) {
        fields.erase(fields.begin() + 2);
      } else {
        fields[2].second = std::move(authority);
      }
      return client.ask(fields);
    };
    EXPECT_EQ(ask("site:80", {}).body, "1:site:80");
    EXPECT_EQ(ask("site", {{"host", "SITE"}}).body, "1:SITE");
    EXPECT_EQ(ask("", {{"host", "site"}}).body, "1:site");
    EXPECT_EQ(ask("site", {{"host", "other"}}).status, 400);
    EXPECT_EQ(ask("somebody@site", {}).status, 400);
    EXPECT_EQ(served.refusals.reasons, (std::vector<std::string>{"duplicate-host", "bad-host"}));
  });
}

TEST(Http2_8_3_1_path, has_the_forms_of_http_1_1) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello());
    auto status_of = [&, id = 1](std::string method, std::string path) mutable {
      FieldList fields = h2_get(path);
      fields[0].second = method;
      served.say(h2_head(id, fields));
      auto frames = h2_frames(served.hear());
      int error = h2_error(frames, kRstStream, id);
      bool is_refused = frames.back().payload.contains("bad-target");
      id += 2;
      return error >= 0 ? "reset" : is_refused ? "refused" : "answered";
    };
    EXPECT_STREQ(status_of("GET", "/x"), "answered");
    EXPECT_STREQ(status_of("OPTIONS", "*"), "answered");
    EXPECT_STREQ(status_of("GET", "*"), "reset");
    EXPECT_STREQ(status_of("GET", "x"), "reset");
    EXPECT_STREQ(status_of("GET", ""), "reset");
    EXPECT_STREQ(status_of("GET", "/a#b"), "refused");
    EXPECT_STREQ(status_of("GET", "/\xc3\xa4"), "refused");
    served.say(h2_head(101, {{":method", "CONNECT"}, {":authority", "site:443"}}));
    EXPECT_TRUE(h2_frames(served.hear()).back().payload.contains("bad-target")) << "we are no proxy";
  });
}

TEST(Http2_8_1_head, has_the_length_and_no_body) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      if (request.path() == "/") return Response::text("hello");
      return Response::streamed("text/plain", [](Context&, BodyWriter&) -> Result<void> {
        ADD_FAILURE() << "nobody wants it";
        return {};
      });
    });
    H2Client client(served);
    FieldList fields = h2_get();
    fields[0].second = "HEAD";
    H2Reply& reply = client.ask(fields);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.find("content-length"), "5");
    EXPECT_EQ(reply.body, "");
    fields[3].second = "/stream";
    EXPECT_TRUE(client.ask(fields).is_closed);
  });
}

TEST(Http2_8_1_reply, without_a_body_ends_with_its_head) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      return Response::empty(request.path() == "/204" ? status::kNoContent : status::kContinue);
    });
    H2Client client(served);
    H2Reply& reply = client.ask(h2_get("/204"));
    EXPECT_EQ(reply.status, 204);
    EXPECT_TRUE(reply.is_closed);
    EXPECT_EQ(reply.headers.count("content-length"), 0U);
    EXPECT_EQ(client.ask(h2_get("/100")).status, 500) << "an interim status is no answer";
  });
}

TEST(Http2_8_1_trailers, go_both_ways) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context& own, Request& request) {
      EXPECT_TRUE(request.read_body(own, 100));
      std::string sum(request.trailers().find("x-sum").value_or("none"));
      if (request.body() == "whole") {
        Response response = Response::text("w");
        response.trailers.add("X-Echo", sum);
        return response;
      }
      return Response::streamed("text/plain", [sum](Context& writing, BodyWriter& out) -> Result<void> {
        SLUICE_TRY(out.write(writing, "s"));
        Headers trailers;
        trailers.add("X-Echo", sum);
        out.set_trailers(trailers);
        return {};
      });
    });
    H2Client client(served);
    for (std::string body : {"whole", "streamed"}) {
      H2Reply& reply = client.ask(h2_post(), body, {{"x-sum", "42"}});
      EXPECT_EQ(reply.body, body.substr(0, 1));
      EXPECT_EQ(reply.trailers.find("x-echo"), "42");
      EXPECT_TRUE(reply.is_closed);
    }
  });
}

TEST(Http2_8_1_trailers, have_the_limits_of_the_head) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, echo, {.field_count = 6});
    H2Client client(served);
    EXPECT_EQ(client.ask(h2_post(), "b", {{"x", "1"}, {"y", "2"}}).status, 200);
    EXPECT_EQ(client.ask(h2_post(), "b", {{"x", "1"}, {"y", "2"}, {"z", "3"}}).status, 431);
  });
}

TEST(Http2_8_1_continue, is_said_when_somebody_wants_the_body) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context& own, Request& request) {
      return request.path() == "/" ? echo(own, request) : Response::empty(status::kNoContent);
    });
    H2Client client(served);
    std::int32_t id = client.begin_open(h2_post({{"expect", "100-continue"}}));
    client.talk();
    EXPECT_EQ(client.replies[id].status, 100);
    client.add_body(id, "now", true);
    client.talk();
    EXPECT_EQ(client.replies[id].status, 200);
    EXPECT_EQ(client.replies[id].interim, std::vector<int>{100});
    EXPECT_EQ(client.replies[id].body, "now");

    FieldList unwanted = h2_post({{"expect", "100-continue"}});
    unwanted[3].second = "/no";
    id = client.begin_open(unwanted);
    client.talk();
    EXPECT_EQ(client.replies[id].status, 204);
    EXPECT_TRUE(client.replies[id].interim.empty());
    EXPECT_EQ(client.ask(h2_post({{"expect", "wonders"}})).status, 417);
  });
}

TEST(Http2_8_1_1_content_length, must_be_what_comes) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, echo);
    served.say(h2_hello() + h2_head(1, h2_post({{"content-length", "3"}}), kEndHeaders) + h2_frame(kData, kEndStream, 1, "four"));
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kRstStream, 1), NGHTTP2_PROTOCOL_ERROR);
    served.say(h2_head(3, h2_post({{"content-length", "3"}}), kEndHeaders) + h2_frame(kData, kEndStream, 3, "33"));
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kRstStream, 3), NGHTTP2_PROTOCOL_ERROR);
    served.say(h2_head(5, h2_post({{"content-length", "3"}}), kEndHeaders) + h2_frame(kData, kEndStream, 5, "333"));
    EXPECT_EQ(h2_frames(served.hear()).back().payload, "333");
  });
}

// ---- §5: many at a time ----

TEST(Http2_5_1_2_concurrency, a_hundred_requests_of_one_read_are_answered_in_a_few_writes) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    H2Client client(served);
    client.talk();
    int before = served.writes_so_far();
    for (int i = 0; i < 100; ++i) client.begin(h2_get("/" + std::to_string(i)));
    client.talk();
    EXPECT_EQ(client.replies.size(), 100U);
    for (auto& [id, reply] : client.replies) EXPECT_EQ(reply.body, "/" + std::to_string((id - 1) / 2));
    EXPECT_LE(served.writes_so_far() - before, 10);
  });
}

TEST(Http2_5_1_2_concurrency, requests_wait_for_nobody_else) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context& own, const Request& request) {
      static_cast<void>(sleep(own, request.path() == "/slow" ? 5s : 1s));
      return Response::text("done");
    });
    H2Client client(served);
    std::int32_t slow = client.begin(h2_get("/slow"));
    std::int32_t quick = client.begin(h2_get("/quick"));
    client.talk();
    served.wait(2s);
    client.talk();
    EXPECT_TRUE(client.replies[quick].is_closed);
    EXPECT_FALSE(client.replies[slow].is_closed);
    served.wait(4s);
    client.talk();
    EXPECT_EQ(client.replies[slow].body, "done");
  });
}

TEST(Http2_5_1_reset, ends_the_context_of_the_request_and_of_no_other) {
  in_virtual_time([](Context& ctx) {
    std::vector<std::string> ends;
    H2Served served(ctx, [&](Context& own, const Request& request) {
      auto slept = sleep(own, 3s);
      ends.push_back(std::string(request.path()) + (slept ? " slept" : " " + std::string(slept.error().reason())));
      return Response::text("x");
    });
    H2Client client(served);
    std::int32_t left = client.begin(h2_get("/left"));
    std::int32_t stays = client.begin(h2_get("/stays"));
    client.talk();
    client.reset(left);
    client.talk();
    EXPECT_EQ(ends, std::vector<std::string>{"/left client-gone"});
    served.wait(4s);
    client.talk();
    EXPECT_EQ(client.replies[stays].status, 200);
    EXPECT_EQ(client.replies[left].status, 0);
  });
}

TEST(Http2_connection, that_is_lost_ends_the_contexts_of_its_requests) {
  in_virtual_time([](Context& ctx) {
    int cancelled = 0;
    H2Served served(ctx, [&](Context& own, const Request&) {
      cancelled += sleep(own, 1h) ? 0 : 1;
      return Response::text("x");
    });
    {
      H2Client client(served);
      for (int i = 0; i < 10; ++i) client.begin(h2_get());
      client.talk();
    }
    served.hang_up();
    EXPECT_TRUE(served.is_over());
    EXPECT_EQ(cancelled, 10);
  });
}

TEST(Http2_connection, survives_a_handler_that_throws) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    H2Served served(ctx, wrap({middleware::recover(telemetry.log)}, [](Context&, const Request& request) -> Response {
                      if (request.path() == "/throw") throw std::runtime_error("no");
                      return Response::text("fine");
                    }));
    H2Client client(served);
    std::int32_t bad = client.begin(h2_get("/throw"));
    std::int32_t good = client.begin(h2_get());
    client.talk();
    EXPECT_EQ(client.replies[bad].status, 500);
    EXPECT_EQ(client.replies[good].body, "fine");
  });
}

TEST(Http2_connection, answers_in_time_for_a_handler_that_ignores_its_context_and_goes_on) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Context uncancelled;
    H2Served served(ctx, wrap({middleware::timeout(1s, runtime_clock(), telemetry.log)}, [&](Context&, const Request& request) {
                      if (request.path() == "/stubborn") static_cast<void>(sleep(uncancelled, 10s));
                      return Response::text("late");
                    }));
    H2Client client(served);
    std::int32_t stubborn = client.begin(h2_get("/stubborn"));
    client.talk();
    served.wait(1100ms);
    client.talk();
    EXPECT_EQ(client.replies[stubborn].status, 503);
    EXPECT_TRUE(client.replies[stubborn].is_closed);
    EXPECT_EQ(client.ask(h2_get("/next")).body, "late") << "its connection is for others as well";
    EXPECT_TRUE(client.goaways.empty());
    served.wait(10s);
    client.talk();
    EXPECT_EQ(client.replies[stubborn].body.find("late"), std::string::npos) << "no second answer";
  });
}

}  // namespace
}  // namespace sluice::http
