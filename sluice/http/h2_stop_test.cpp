// SPDX-License-Identifier: MIT
//
// RFC 9113 §6.8: how a server stops without losing a request.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kNoStreamNamed = 0x7fffffff;
using GoAways = std::vector<H2Client::GoAway>;

auto find_type(const std::vector<H2Frame>& frames, H2Type type) {
  return std::find_if(frames.begin(), frames.end(), [type](const H2Frame& frame) { return frame.type == type; });
}

Response sleep_a_second(Context& ctx, const Request&) {
  auto slept = sleep(ctx, 1s);
  if (!slept) return to_response(std::move(slept).error());
  return Response::text("done");
}

TEST(Http2_6_8_goaway, closes_a_connection_that_idles_in_two_steps) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, sleep_a_second);
    served.say(h2_hello() + h2_head(1, h2_get()));
    served.wait(1s);
    served.hear();
    served.stop_accepting();
    auto frames = h2_frames(served.hear());
    auto ping = find_type(frames, kPing);
    auto first = find_type(frames, kGoAway);
    ASSERT_TRUE(ping != frames.end() && first != frames.end());
    EXPECT_EQ(first->payload, big_endian(kNoStreamNamed, 4) + big_endian(NGHTTP2_NO_ERROR, 4));
    served.say(h2_frame(kPing, kAck, 0, ping->payload));
    frames = h2_frames(served.hear());
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].payload, big_endian(1, 4) + big_endian(NGHTTP2_NO_ERROR, 4));
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_6_8_goaway, names_the_last_stream_after_a_while_if_the_client_confirms_nothing) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, sleep_a_second);
    served.say(h2_hello());
    served.hear();
    served.stop_accepting();
    auto frames = h2_frames(served.hear());
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].type + frames[1].type, kGoAway + kPing);
    EXPECT_FALSE(served.is_over());
    served.wait(1s);
    EXPECT_EQ(h2_frames(served.hear()).back().payload, big_endian(0, 8));
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_6_8_goaway, lets_requests_finish_also_those_that_cross_with_it) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, sleep_a_second);
    H2Client client(served);
    std::int32_t before = client.begin(h2_get());
    client.talk();
    served.stop_accepting();
    let_all_park(ctx);
    std::int32_t crossing = client.begin(h2_get());
    client.send();
    client.talk();
    EXPECT_EQ(client.goaways, (GoAways{{kNoStreamNamed, 0}, {crossing, 0}}));
    EXPECT_FALSE(served.is_over());
    served.wait(2s);
    client.talk();
    EXPECT_EQ(client.replies[before].body, "done");
    EXPECT_EQ(client.replies[crossing].body, "done");
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_6_8_goaway, takes_no_request_beyond_the_last_that_it_named) {
  in_virtual_time([](Context& ctx) {
    int begun = 0;
    H2Served served(ctx, [&](Context& own, const Request& request) {
      ++begun;
      return sleep_a_second(own, request);
    });
    served.say(h2_hello() + h2_head(1, h2_get()));
    served.hear();
    served.stop_accepting();
    auto frames = h2_frames(served.hear());
    auto ping = find_type(frames, kPing);
    ASSERT_NE(ping, frames.end());
    served.say(h2_frame(kPing, kAck, 0, ping->payload));
    served.hear();
    served.say(h2_head(3, h2_get()));
    served.wait(1s);
    served.hear();
    EXPECT_EQ(begun, 1);
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_6_8_goaway, waits_until_a_reply_has_left) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) { return Response::text(std::string(100'000, 'x')); });
    H2Client client(served, /*takes_all=*/false);
    H2Reply& reply = client.ask(h2_get());
    served.stop_accepting();
    client.talk();
    EXPECT_FALSE(served.is_over());
    client.open_window(0, 100'000);
    client.open_window(1, 100'000);
    client.talk();
    EXPECT_EQ(reply.body.size(), 100'000U);
    EXPECT_TRUE(served.is_over());
  });
}

// A socket that is closed with unread bytes resets the connection, and the client may lose the last reply.
TEST(Http2_6_8_goaway, is_followed_by_a_gentle_close) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, sleep_a_second, {.goaway_time = 1ms});
    served.say(h2_hello());
    served.stop_accepting();
    served.wait(2ms);
    served.hear();
    EXPECT_TRUE(served.is_over());
    served.say(h2_frame(kPing, 0, 0, "12345678"));
    served.wait(3s);
    EXPECT_FALSE(served.client().write(ctx, as_bytes("x"))) << "but it does not wait for ever";
  });
}

TEST(Http2_stop, gives_handlers_whose_time_is_over_their_last_word) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context& own, const Request&) {
      auto slept = sleep(own, 1h);
      return to_response(std::move(slept).error());
    });
    H2Client client(served);
    client.begin(h2_get());
    client.begin(h2_get());
    client.talk();
    served.stop_accepting();
    client.talk();
    served.cancel_requests(Error(Code::kUnavailable).because("stopping"));
    client.talk();
    EXPECT_EQ(client.replies[1].status, 503);
    EXPECT_EQ(client.replies[3].status, 503);
    EXPECT_TRUE(client.replies[1].body.contains("stopping"));
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_stop, waits_for_handlers_that_ignore_it) {
  in_virtual_time([](Context& ctx) {
    Context stubborn;
    H2Served served(ctx, [&](Context&, const Request&) {
      static_cast<void>(sleep(stubborn, 1h));
      return Response::text("late");
    });
    H2Client client(served);
    client.begin(h2_get());
    client.talk();
    served.stop_accepting();
    served.cancel_requests(Error(Code::kUnavailable));
    client.talk();
    EXPECT_FALSE(served.is_over());
    served.wait(1h);
    EXPECT_TRUE(served.is_over());
  });
}

TEST(Http2_stop, follows_a_reply_that_closes) {
  in_virtual_time([](Context& ctx) {
    H2Served served(ctx, [](Context&, const Request&) {
      Response response = Response::text("bye");
      response.close = true;
      return response;
    });
    H2Client client(served);
    EXPECT_EQ(client.ask(h2_get()).body, "bye");
    EXPECT_FALSE(client.goaways.empty());
    EXPECT_TRUE(served.is_over());
  });
}

}  // namespace
}  // namespace sluice::http
