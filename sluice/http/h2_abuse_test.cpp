// SPDX-License-Identifier: MIT
//
// RFC 9113 §10.5: what costs a client little and us much has a bound.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

Response tell_target(Context&, const Request& request) { return Response::text(std::string(request.target())); }

std::string times(int count, std::string_view text) {
  std::string all;
  for (int i = 0; i < count; ++i) all.append(text);
  return all;
}

Response read_it_all(Context& ctx, Request& request) {
  static_cast<void>(request.read_body(ctx, kWideWire));
  return Response::text("read");
}

// What becomes of a connection on which this comes, a tenth at a time, behind a proper beginning.
int goaway_after(Context& ctx, const std::string& flood, std::string& reason) {
  H2Served served(ctx, read_it_all);
  served.say(h2_hello());
  std::string heard = served.hear();
  for (std::size_t at = 0; at < flood.size() && !served.is_over(); at += flood.size() / 10 + 1) {
    served.say(std::string_view(flood).substr(at, flood.size() / 10 + 1));
    heard.append(served.hear());
  }
  reason = served.refusals.reasons.empty() ? "" : served.refusals.reasons.front();
  return h2_error(h2_frames(heard), kGoAway);
}

// CVE-2023-44487.
TEST(Http2_10_5_rapid_reset, ends_in_enhance_your_calm) {
  in_virtual_time([](Context& ctx) {
    int begun = 0;
    H2Served served(ctx, [&](Context& own, const Request&) {
      ++begun;
      static_cast<void>(sleep(own, 1h));
      return Response::text("x");
    });
    served.say(h2_hello());
    std::string heard;
    for (int i = 0; i < 1000 && !served.is_over(); ++i) {
      served.say(h2_head(2 * i + 1, h2_get()) + h2_frame(kRstStream, 0, 2 * i + 1, big_endian(NGHTTP2_CANCEL, 4)));
      heard.append(served.hear());
    }
    EXPECT_EQ(h2_error(h2_frames(heard), kGoAway), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"too-many-resets"});
    EXPECT_LE(begun, 201);
  });
}

TEST(Http2_10_5_rapid_reset, is_not_what_a_browser_does_whose_page_is_left) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [&](Context& own, const Request&) {
      static_cast<void>(sleep(own, 1h));
      return Response::text("x");
    });
    H2Client client(served);
    for (int page = 0; page < 10; ++page) {
      std::vector<std::int32_t> ids;
      for (int i = 0; i < 60; ++i) ids.push_back(client.begin(h2_get()));
      client.talk();
      for (std::int32_t id : ids) client.reset(id);
      client.talk();
      served.wait(4s);
    }
    EXPECT_TRUE(client.goaways.empty());
  });
}

// CVE-2025-8671: the client has us reset the streams.
TEST(Http2_10_5_rapid_reset, may_not_be_done_by_our_hand_either) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [&](Context& own, const Request&) {
      static_cast<void>(sleep(own, 1h));
      return Response::text("x");
    });
    served.say(h2_hello());
    std::string heard;
    for (int i = 0; i < 1000 && !served.is_over(); ++i) {
      served.say(h2_head(2 * i + 1, h2_get()) + h2_frame(kWindowUpdate, 0, 2 * i + 1, big_endian(0x7fffffff, 4)));
      heard.append(served.hear());
    }
    EXPECT_EQ(h2_error(h2_frames(heard), kGoAway), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(served.refusals.reasons.back(), "too-many-resets");
  });
}

TEST(Http2_10_5_streams, that_were_reset_count_while_their_handlers_go_on) {
  in_virtual_time([](Context& ctx) {
    Context stubborn;
    int running = 0;
    int running_max = 0;
    {
      H2Served served(ctx, [&](Context&, const Request&) {
        running_max = std::max(running_max, ++running);
        static_cast<void>(sleep(stubborn, 1min));
        --running;
        return Response::text("x");
      }, {.streams_max = 10});
      served.say(h2_hello());
      std::string heard;
      for (int i = 0; i < 30; ++i) {
        served.say(h2_head(2 * i + 1, h2_get()) + h2_frame(kRstStream, 0, 2 * i + 1, big_endian(NGHTTP2_CANCEL, 4)));
        heard.append(served.hear());
      }
      served.say(h2_head(101, h2_get()));
      EXPECT_EQ(h2_error(h2_frames(served.hear()), kRstStream, 101), NGHTTP2_REFUSED_STREAM);
      EXPECT_EQ(running_max, 10);
      EXPECT_EQ(served.refusals.reasons.back(), "too-many-streams");
      served.wait(61s);
      served.say(h2_head(103, h2_get()));
      served.wait(61s);
      EXPECT_EQ(h2_frames(served.hear()).back().payload, "x") << "there is room again";
    }
  });
}

// CVE-2019-9512, -9515, -9518 and their kin.
TEST(Http2_10_5_floods, of_frames_that_mean_nothing_end_in_enhance_your_calm) {
  in_virtual_time([](Context& ctx) {
    std::string open = h2_head(1, h2_post(), kEndHeaders);
    struct Flood {
      const char* name;
      std::string frames;
    };
    for (const Flood& flood : {Flood{"pings", times(5000, h2_frame(kPing, 0, 0, "12345678"))},
                               Flood{"settings", times(5000, h2_frame(kSettings, 0, 0))},
                               Flood{"priorities", times(5000, h2_frame(kPriority, 0, 3, big_endian(0, 4) + "x"))},
                               Flood{"empty data", open + times(5000, h2_frame(kData, 0, 1))},
                               Flood{"padding", open + times(5000, h2_frame(kData, kPadded, 1, std::string("\4\0\0\0\0", 5)))},
                               Flood{"window updates", times(5000, h2_frame(kWindowUpdate, 0, 0, big_endian(1, 4)))},
                               Flood{"resets", open + times(5000, h2_frame(kRstStream, 0, 1, big_endian(8, 4)))}}) {
      std::string reason;
      EXPECT_EQ(goaway_after(ctx, flood.frames, reason), NGHTTP2_ENHANCE_YOUR_CALM) << flood.name;
      EXPECT_EQ(reason, "flood") << flood.name;
    }
  });
}

TEST(Http2_10_5_floods, are_not_what_a_download_in_small_steps_needs) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text(std::string(std::size_t{3} << 20, 'x')); });
    H2Client client(served, /*takes_all=*/false);
    H2Reply& reply = client.ask(h2_get());
    for (int i = 0; i < 6000 && !reply.is_closed; ++i) {
      client.open_window(0, 1000);
      client.open_window(1, 1000);
      client.talk();
    }
    EXPECT_EQ(reply.body.size(), std::size_t{3} << 20);
    EXPECT_TRUE(client.goaways.empty());
  });
}

// CVE-2024-28182; nghttp2's own limit, in the version that Debian 12 has.
TEST(Http2_10_5_floods, of_continuations_end_the_connection) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello() + h2_head(1, h2_get(), kEndStream) + times(20, h2_frame(kContinuation, 0, 1, h2_block({{"x", "y"}}))));
    EXPECT_GT(h2_error(h2_frames(served.hear()), kGoAway), 0);
    served.client().shutdown_write();
    EXPECT_TRUE(served.is_over());
  });
}

// A client that sends what we have to answer, and never reads the answers.
TEST(Http2_10_5_floods, whose_answers_are_not_read_stop_being_read) {
  in_virtual_time([](Context& ctx) {
    constexpr std::size_t kWire = 4096;
    H2Served served(ctx, tell_target, {}, kWire);
    served.say(h2_hello());
    Context patience(ctx, 5s);
    std::string malformed = h2_head(1, {{":method", "GET"}});
    std::size_t said = 0;
    for (std::int32_t id = 1; id < 20'000; id += 2) {
      std::string frame = h2_head(id, {{":method", "GET"}});
      if (!served.client().write(patience, as_bytes(frame))) break;
      said += frame.size();
    }
    EXPECT_LT(said, 64 * 1024U);
    served.wait(20s);
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_10_5_1_head, beyond_the_limits_is_told_so_and_costs_no_more) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target, {.head_bytes = 2000, .field_count = 20});
    H2Client client(served);
    FieldList many;
    for (int i = 0; i < 16; ++i) many.push_back({"x" + std::to_string(i), "y"});
    EXPECT_EQ(client.ask(h2_get("/", many)).status, 200) << "twenty";
    many.push_back({"z", "y"});
    H2Reply& refused = client.ask(h2_get("/", many));
    EXPECT_EQ(refused.status, 431);
    EXPECT_TRUE(refused.body.contains("too-many-headers"));
    // 4 pseudo-header fields: 10 + 11 + 11 + 6 bytes, and one more; 32 for each.
    std::size_t room = 2000 - 38 - 1 - 5 * 32;
    EXPECT_EQ(client.ask(h2_get("/", {{"x", std::string(room, 'v')}})).status, 200);
    EXPECT_EQ(client.ask(h2_get("/", {{"x", std::string(room + 1, 'v')}})).status, 431);
    EXPECT_EQ(client.ask(h2_get()).status, 200) << "the connection goes on";
    EXPECT_EQ(served.refusals.reasons, (std::vector<std::string>{"too-many-headers", "headers-too-large"}));
  });
}

TEST(Http2_5_1_1_streams, that_were_passed_over_may_not_be_begun) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello() + h2_head(7, h2_get()) + h2_head(9, h2_get()) + h2_head(3, h2_get()));
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kGoAway), NGHTTP2_PROTOCOL_ERROR);
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"http2-error"});
  });
}

// ---- time ----

TEST(Http2_time, for_a_head_is_limited) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello() + h2_head(1, h2_get(), kEndStream));
    served.wait(9s);
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kGoAway), -1);
    served.wait(2s);
    EXPECT_EQ(h2_error(h2_frames(served.hear()), kGoAway), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(served.refusals.reasons, std::vector<std::string>{"slow-head"});
    served.wait(3s);
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_time, without_a_request_is_limited_whatever_is_pinged) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, tell_target);
    served.say(h2_hello() + h2_head(1, h2_get()));
    std::string heard;
    for (int i = 0; i < 74; ++i) {
      served.say(h2_frame(kPing, 0, 0, "12345678"));
      served.wait(1s);
      heard.append(served.hear());
    }
    EXPECT_EQ(h2_error(h2_frames(heard), kGoAway), -1);
    served.wait(2s);
    auto frames = h2_frames(served.hear());
    EXPECT_EQ(h2_error(frames, kGoAway), NGHTTP2_NO_ERROR);
    EXPECT_TRUE(served.is_over());
    EXPECT_TRUE(served.refusals.reasons.empty());
  });
}

TEST(Http2_time, with_a_request_under_way_is_the_handlers) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context& own, const Request&) {
      static_cast<void>(sleep(own, 10min));
      return Response::text("at last");
    });
    H2Client client(served);
    client.begin(h2_get());
    client.talk();
    served.wait(601s);
    client.talk();
    EXPECT_EQ(client.replies[1].body, "at last");
  });
}

}  // namespace
}  // namespace sluice::http
