// SPDX-License-Identifier: MIT
//
// RFC 9113 §5.2 and §6.9: who may send how much, and what becomes of those who do not let it flow.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_test.hpp>
#include <sluice/http/middleware/max_body.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kFirstWindow = 65'535;
constexpr std::size_t kMany = std::size_t{1} << 20;

std::string pattern(std::size_t size) {
  std::string text(size, '.');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

Response tell_size(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kWideWire); !read) return to_response(std::move(read).error());
  return Response::text(std::to_string(request.body().size()) + (request.body() == pattern(request.body().size()) ? " whole" : " wrong"));
}

// Reads the body after a while, unless the path says at once.
Response read_late(Context& ctx, Request& request) {
  if (request.path() != "/now") static_cast<void>(sleep(ctx, 5s));
  return tell_size(ctx, request);
}

FieldList post_to(std::string path) {
  FieldList fields = h2_post();
  fields[3].second = std::move(path);
  return fields;
}

// ---- bodies of requests ----

TEST(Http2_6_9_upload, of_a_megabyte_arrives_whole_also_many_at_a_time) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_size);
    H2Client client(served);
    for (int i = 0; i < 5; ++i) client.begin(h2_post(), pattern(kMany + static_cast<std::size_t>(i)));
    client.talk();
    ASSERT_EQ(client.replies.size(), 5U);
    for (auto& [id, reply] : client.replies) EXPECT_EQ(reply.body, std::to_string(kMany + static_cast<std::size_t>(id / 2)) + " whole");
  });
}

TEST(Http2_6_9_upload, that_nobody_reads_stops_at_one_window_and_goes_on_when_somebody_does) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, read_late);
    H2Client client(served);
    std::int32_t id = client.begin(h2_post(), pattern(kMany));
    client.talk();
    EXPECT_EQ(client.window_of(id), 0);
    EXPECT_EQ(client.replies[id].status, 0);
    served.wait(6s);
    client.talk();
    EXPECT_EQ(client.replies[id].body, std::to_string(kMany) + " whole");
  });
}

TEST(Http2_5_2_1_upload, that_nobody_reads_stops_no_other) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, read_late);
    H2Client client(served);
    for (int i = 0; i < 50; ++i) client.begin(post_to("/late"), pattern(kMany));
    client.talk();
    EXPECT_EQ(client.ask(post_to("/now"), pattern(kMany)).body, std::to_string(kMany) + " whole");
  });
}

TEST(Http2_8_1_upload, beyond_the_limit_is_refused_and_the_client_told_to_send_no_more) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, wrap({middleware::max_body(1000)}, tell_size));
    H2Client client(served);
    EXPECT_EQ(client.ask(h2_post(), pattern(1000)).body, "1000 whole");
    EXPECT_EQ(client.ask(h2_post(), pattern(1001)).status, 413);
    EXPECT_EQ(client.ask(h2_post({{"content-length", "1001"}}), pattern(1001)).status, 413);
    H2Reply& reply = client.ask(h2_post(), pattern(kMany));
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.is_closed);
    EXPECT_EQ(reply.error_code, NGHTTP2_NO_ERROR);
    EXPECT_EQ(client.ask(h2_post(), pattern(10)).body, "10 whole") << "the connection goes on";
  });
}

TEST(Http2_8_1_upload, that_is_answered_before_it_ends_is_cut_short) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, Request&) { return Response::text("enough"); });
    H2Client client(served);
    H2Reply& reply = client.ask(h2_post(), pattern(kMany));
    EXPECT_EQ(reply.body, "enough");
    EXPECT_TRUE(reply.is_closed);
    EXPECT_EQ(reply.error_code, NGHTTP2_NO_ERROR);
  });
}

TEST(Http2_upload, counts_in_the_budget_of_all_bodies_from_the_first_byte_on) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(100'000);
    H2Served served(ctx, read_late, {}, kWideWire, &budget);
    H2Client client(served);
    std::int32_t first = client.begin(post_to("/late"), pattern(60'000));
    std::int32_t second = client.begin(post_to("/late"), pattern(60'000));
    client.talk();
    EXPECT_EQ(budget.used(), 60'000 - BodyShare::kUncountedBytes) << "one waits to be read, the other is given up";
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"body-budget"});
    served.wait(6s);
    client.talk();
    bool second_was_whole = client.replies[second].status == 200;
    H2Reply& whole = client.replies[second_was_whole ? second : first];
    H2Reply& refused = client.replies[second_was_whole ? first : second];
    EXPECT_EQ(whole.body, "60000 whole");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.count("retry-after"), 1U);
    EXPECT_EQ(budget.used(), 0U);
  });
}

TEST(Http2_upload, of_many_small_bodies_at_a_time_is_counted_but_for_the_first_four) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(1'000'000);
    H2Served served(ctx, read_late, {}, kWideWire, &budget);
    H2Client client(served);
    for (int i = 0; i < 100; ++i) client.begin(post_to("/late"), pattern(BodyShare::kUncountedBytes));
    client.talk();
    EXPECT_EQ(budget.used(), 96 * BodyShare::kUncountedBytes);
    served.wait(6s);
    client.talk();
    EXPECT_EQ(budget.used(), 0U);
  });
}

TEST(Http2_upload, that_trickles_is_told_so) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_size);
    H2Client client(served);
    std::int32_t id = client.begin_open(h2_post());
    for (int i = 0; i < 9; ++i) {
      client.add_body(id, "x");
      client.talk();
      served.wait(1s);
    }
    EXPECT_EQ(client.replies[id].status, 0);
    served.wait(2s);
    client.talk();
    EXPECT_EQ(client.replies[id].status, 408);
    EXPECT_TRUE(client.replies[id].is_closed);
  });
}

TEST(Http2_upload, that_shares_the_line_with_others_may_be_slow) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_size);
    H2Client client(served);
    std::int32_t slow = client.begin_open(h2_post());
    std::int32_t quick = client.begin_open(h2_post());
    for (int i = 0; i < 4; ++i) {
      client.add_body(quick, std::string(20'000, 'x'));
      client.talk();
      served.wait(9s);
    }
    client.add_body(slow, "", true);
    client.add_body(quick, "", true);
    client.talk();
    EXPECT_EQ(client.replies[slow].status, 200);
    EXPECT_EQ(client.replies[quick].status, 200);
  });
}

// ---- bodies of replies ----

TEST(Http2_6_9_download, of_a_megabyte_arrives_whole_also_many_at_a_time) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text(pattern(kMany)); });
    H2Client client(served);
    for (int i = 0; i < 5; ++i) client.begin(h2_get());
    client.talk();
    ASSERT_EQ(client.replies.size(), 5U);
    for (auto& [id, reply] : client.replies) EXPECT_EQ(reply.body, pattern(kMany));
  });
}

TEST(Http2_6_9_download, keeps_within_the_windows) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text(pattern(kMany)); });
    H2Client client(served, /*takes_all=*/false);
    H2Reply& reply = client.ask(h2_get());
    EXPECT_EQ(reply.body.size(), static_cast<std::size_t>(kFirstWindow));
    client.open_window(1, 1000);
    client.talk();
    EXPECT_EQ(reply.body.size(), static_cast<std::size_t>(kFirstWindow)) << "the connection's is shut";
    client.open_window(0, 1 << 21);
    client.talk();
    EXPECT_EQ(reply.body.size(), static_cast<std::size_t>(kFirstWindow) + 1000);
    client.open_window(1, 1 << 21);
    client.talk();
    EXPECT_EQ(reply.body, pattern(kMany));
    EXPECT_TRUE(reply.is_closed);
  });
}

TEST(Http2_6_9_download, that_waits_for_its_window_stops_no_other) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      return Response::text(request.path() == "/large" ? pattern(kMany) : "small");
    });
    H2Client client(served, /*takes_all=*/false);
    client.open_window(0, 1 << 21);
    client.ask(h2_get("/large"));
    EXPECT_EQ(client.ask(h2_get("/small")).body, "small");
  });
}

TEST(Http2_6_5_2_settings, a_window_of_none_sends_heads_only) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text("body"); });
    H2Client client(served, false, {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
    H2Reply& reply = client.ask(h2_get());
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "");
    client.open_window(1, 2);
    client.talk();
    EXPECT_EQ(reply.body, "bo");
    client.open_window(1, 2);
    client.talk();
    EXPECT_EQ(reply.body, "body");
    EXPECT_TRUE(reply.is_closed);
  });
}

TEST(Http2_stream, of_a_reply_makes_no_more_than_the_client_takes) {
  in_virtual_time([](Context& ctx) {
    int pieces = 0;
    H2Served served(ctx, [&](Context&, const Request&) {
      return Response::streamed("text/plain", [&](Context& own, BodyWriter& out) -> Result<void> {
        for (; pieces < 200; ++pieces) SLUICE_TRY(out.write(own, pattern(10'000)));
        return {};
      });
    });
    H2Client client(served, /*takes_all=*/false);
    H2Reply& reply = client.ask(h2_get());
    EXPECT_EQ(reply.body.size(), static_cast<std::size_t>(kFirstWindow));
    EXPECT_EQ(pieces, 6) << "the seventh waits for the window";
    EXPECT_EQ(reply.headers.count("content-length"), 0U);
    client.open_window(0, 1 << 22);
    client.open_window(1, 1 << 22);
    client.talk();
    EXPECT_EQ(pieces, 200);
    EXPECT_EQ(reply.body.size(), 2'000'000U);
    EXPECT_TRUE(reply.is_closed);
  });
}

TEST(Http2_stream, that_fails_or_throws_resets_its_reply_and_nothing_else) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      return Response::streamed("text/plain", [throws = request.path() == "/throw"](Context& own, BodyWriter& out) -> Result<void> {
        SLUICE_TRY(out.write(own, "part"));
        if (throws) throw 1;
        return fail(Code::kDataLoss, "the rest is not to be had");
      });
    });
    H2Client client(served);
    for (const char* path : {"/fail", "/throw"}) {
      H2Reply& reply = client.ask(h2_get(path));
      EXPECT_EQ(reply.body, "part");
      EXPECT_EQ(reply.error_code, NGHTTP2_INTERNAL_ERROR);
    }
    EXPECT_EQ(served.refusals.reasons, (std::vector<std::string>{"broken-stream", "broken-stream"}));
    EXPECT_TRUE(client.goaways.empty());
  });
}

TEST(Http2_stream, learns_that_its_client_has_reset_it) {
  in_virtual_time([](Context& ctx) {
    std::string end;
    H2Served served(ctx, [&](Context&, const Request&) {
      return Response::streamed("text/plain", [&](Context& own, BodyWriter& out) -> Result<void> {
        for (;;) {
          auto written = out.write(own, pattern(10'000));
          if (written) continue;
          end = written.error().reason();
          return written;
        }
      });
    });
    H2Client client(served, /*takes_all=*/false);
    client.ask(h2_get());
    client.reset(1);
    client.talk();
    EXPECT_EQ(end, "client-gone");
    EXPECT_TRUE(served.refusals.reasons.empty());
  });
}

// A piece whose frame has been begun while the wire was full, and which its owner takes back then.
TEST(Http2_stream, takes_a_piece_back_when_its_context_ends) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) {
      return Response::streamed("text/plain", [](Context& own, BodyWriter& out) -> Result<void> {
        Context limited(own, 1s);
        return out.write(limited, pattern(kMany));
      });
    }, {}, /*wire_bytes=*/10'000);
    served.say(h2_hello() + h2_frame(kSettings, 0, 0, big_endian(4, 2) + big_endian(1 << 24, 4)) + h2_frame(kWindowUpdate, 0, 0, big_endian(1 << 24, 4)) + h2_head(1, h2_get()));
    served.wait(2s);
    std::string all;
    for (std::string heard; !(heard = served.hear()).empty();) all.append(heard);
    auto frames = h2_frames(all);
    EXPECT_EQ(h2_error(frames, kRstStream, 1), NGHTTP2_INTERNAL_ERROR);
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"broken-stream"});
  });
}

// ---- clients that hold us up ----

TEST(Http2_slow_reader, whose_window_stays_shut_is_reset) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request& request) {
      return Response::text(request.path() == "/large" ? pattern(kMany) : "small");
    });
    H2Client client(served, /*takes_all=*/false);
    client.open_window(0, 1 << 21);
    H2Reply& reply = client.ask(h2_get("/large"));
    served.wait(9s);
    client.talk();
    EXPECT_FALSE(reply.is_closed);
    served.wait(12s);
    client.talk();
    EXPECT_EQ(reply.error_code, NGHTTP2_CANCEL);
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"slow-reader"});
    EXPECT_EQ(client.ask(h2_get("/small")).body, "small") << "the connection goes on";
  });
}

TEST(Http2_slow_reader, is_none_who_takes_a_little_all_the_time) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text(pattern(200'000)); });
    H2Client client(served, /*takes_all=*/false);
    H2Reply& reply = client.ask(h2_get());
    for (int i = 0; i < 20; ++i) {
      client.open_window(0, 12'000);
      client.open_window(1, 12'000);
      client.talk();
      served.wait(5s);
    }
    client.talk();
    EXPECT_EQ(reply.body.size(), 200'000U);
    EXPECT_TRUE(served.refusals.reasons.empty());
  });
}

TEST(Http2_slow_reader, that_reads_nothing_at_all_loses_its_connection) {
  in_virtual_time([](Context& ctx) {
    int cancelled = 0;
    H2Served served(ctx, [&](Context& own, const Request& request) {
      if (request.path() == "/wait") cancelled += sleep(own, 1h) ? 0 : 1;
      return Response::text(pattern(kMany));
    }, {}, /*wire_bytes=*/10'000);
    served.say(h2_hello() + h2_frame(kSettings, 0, 0, big_endian(4, 2) + big_endian(1 << 24, 4)) + h2_head(1, h2_get()) + h2_head(3, h2_get("/wait")));
    served.wait(11s);
    EXPECT_TRUE(served.is_over());
    EXPECT_EQ(cancelled, 1);
  });
}

}  // namespace
}  // namespace sluice::http
