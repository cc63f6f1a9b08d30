// SPDX-License-Identifier: MIT
//
// One port for both versions: which one a client speaks is known by its first bytes (RFC 9113 §3.3, §3.4).
#include <sluice/http/internal/h2_preface.hpp>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>
#include <sluice/http/h2_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLinger = 2s;  // before a connection closes whose client may still be sending

bool has_status_200(const std::vector<H2Frame>& frames) {
  constexpr char kIndexed200 = static_cast<char>(0x88);  // RFC 7541, appendix A
  return std::any_of(frames.begin(), frames.end(),
                     [](const H2Frame& frame) { return frame.type == kHeaders && frame.payload.starts_with(kIndexed200); });
}

TEST(H2Preface, OpensHttp2HoweverItsBytesAreSplit) {
  const std::string all = h2_hello() + h2_head(1, h2_get());
  for (std::size_t split = 1; split < all.size(); ++split) {
    SCOPED_TRACE(split);
    in_virtual_time([&](Context& ctx) {
      Conversation talk(ctx, tell_target);
      talk.say(all.substr(0, split));
      std::string heard = talk.hear();
      talk.say(all.substr(split));
      EXPECT_TRUE(has_status_200(h2_frames(heard + talk.hear())));
      EXPECT_TRUE(talk.refusals.reasons.empty());
    });
  }
}

TEST(H2Preface, OpensHttp2AlsoAfterTheConnectionHasIdled) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.wait(30s);
    talk.say(h2_hello() + h2_head(1, h2_get()));
    EXPECT_TRUE(has_status_200(h2_frames(talk.hear())));
  });
}

TEST(H2Preface, IsAnErrorAnywhereButAtTheBeginning) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    EXPECT_EQ(talk.ask(get("/a")).status, 200);
    Reply refused = talk.ask(internal::kH2Preface);
    EXPECT_EQ(refused.status, 505);
    talk.wait(kLinger);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H2Preface, IsNotWaitedForLongerThanAHead) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(internal::kH2Preface.substr(0, 5));
    talk.wait(H1Options{}.head_time + 1s);
    EXPECT_EQ(talk.replies().at(0).status, 408);
    talk.wait(kLinger);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H2Preface, ThatIsNearlyOneIsAnswered) {
  for (const char* nearly : {"PRI * HTTP/2.1\r\n\r\n", "PRI / HTTP/1.1\r\nHost: h\r\n\r\n", "PUT / HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    SCOPED_TRACE(nearly);
    in_virtual_time([&](Context& ctx) {
      Conversation talk(ctx, tell_target);
      EXPECT_EQ(talk.ask(nearly).status, std::string_view(nearly).find("1.1") != std::string_view::npos ? 200 : 505);
    });
  }
}

}  // namespace
}  // namespace sluice::http
