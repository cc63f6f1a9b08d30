// SPDX-License-Identifier: MIT
#include <sluice/observe/span.hpp>

#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe {
namespace {

std::string text_of(std::array<char, 55> header) { return {header.data(), header.size()}; }

// Of the recommendation.
constexpr std::string_view kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, ReadsTheExampleOfTheRecommendation) {
  auto context = parse_traceparent(kExample);
  ASSERT_TRUE(context);
  EXPECT_EQ(to_hex(context->trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(to_hex(context->span), "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(text_of(format_traceparent(*context)), kExample);
}

TEST(Traceparent, KeepsOnlyTheFlagThatItKnows) {
  std::string header(kExample);
  header.replace(53, 2, "fe");
  auto context = parse_traceparent(header);
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->sampled);
  EXPECT_TRUE(text_of(format_traceparent(*context)).ends_with("-00"));
}

TEST(Traceparent, ReadsALaterVersionAsFarAsItKnows) {
  std::string later(kExample);
  later.replace(0, 2, "cc");
  EXPECT_EQ(parse_traceparent(later), parse_traceparent(kExample));
  EXPECT_EQ(parse_traceparent(later + "-what-comes-later"), parse_traceparent(kExample));
  EXPECT_FALSE(parse_traceparent(later + ".what-comes-later"));
}

TEST(Traceparent, RefusesWhatIsMalformed) {
  auto with = [](std::size_t at, std::string_view text) {
    return std::string(kExample).replace(at, text.size(), text);
  };
  EXPECT_FALSE(parse_traceparent(""));
  EXPECT_FALSE(parse_traceparent(kExample.substr(0, 54)));
  EXPECT_FALSE(parse_traceparent(std::string(kExample) + "-"));
  EXPECT_FALSE(parse_traceparent(with(0, "ff")));
  EXPECT_FALSE(parse_traceparent(with(0, "0g")));
  EXPECT_FALSE(parse_traceparent(with(2, "_")));
  EXPECT_FALSE(parse_traceparent(with(35, "_")));
  EXPECT_FALSE(parse_traceparent(with(52, "_")));
  EXPECT_FALSE(parse_traceparent(with(3, "4BF92F3577B34DA6")));  // upper case
  EXPECT_FALSE(parse_traceparent(with(53, "0x")));
  EXPECT_FALSE(parse_traceparent(with(3, std::string(32, '0'))));
  EXPECT_FALSE(parse_traceparent(with(36, std::string(16, '0'))));
  EXPECT_TRUE(parse_traceparent(with(3, std::string(31, '0'))));  // one digit is enough
}

TEST(SpanContext, ChildStaysInTheTraceUnderAnIdOfItsOwn) {
  IdSource ids({1, 2});
  SpanContext root = SpanContext::root(ids, true);
  SpanContext child = root.child(ids);
  EXPECT_EQ(child.trace, root.trace);
  EXPECT_NE(child.span, root.span);
  EXPECT_TRUE(child.sampled);
  EXPECT_FALSE(SpanContext::root(ids, false).child(ids).sampled);
}

TEST(IdSource, GivesEqualIdsForEqualSeeds) {
  IdSource a({7, 8}), b({7, 8}), c({7, 9});
  TraceId trace = a.next_trace();
  EXPECT_EQ(trace, b.next_trace());
  EXPECT_NE(trace, c.next_trace());
  EXPECT_EQ(a.next_span(), b.next_span());
}

TEST(IdSource, GivesNoSpanIdTwiceAmongThreads) {
  constexpr std::size_t kThreads = 4, kRounds = 10'000;
  IdSource ids({3, 4});
  std::vector<std::vector<std::uint64_t>> drawn(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : drawn)
    threads.emplace_back([&] {
      for (std::size_t round = 0; round < kRounds; ++round) mine.push_back(ids.next_span().value);
    });
  for (auto& thread : threads) thread.join();
  std::set<std::uint64_t> seen;
  for (auto& mine : drawn) seen.insert(mine.begin(), mine.end());
  EXPECT_EQ(seen.size(), kThreads * kRounds);
  EXPECT_FALSE(seen.contains(0));
}

// The generator gives zero for zero: these seeds make the very first draw hit it.
TEST(IdSource, NeverGivesZero) {
  IdSource ids({0, 0});
  EXPECT_NE(ids.next_trace(), TraceId{});
  IdSource spans({1, 0});
  EXPECT_NE(spans.next_span(), SpanId{});
}

}  // namespace
}  // namespace sluice::observe
