// SPDX-License-Identifier: MIT
#include <apps/epro/record/flags.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

// Words and bits are in clients' code and in files: this list only ever grows.
TEST(Flags, HaveTheWordsAndBitsOfTheContract) {
  const std::vector<std::string_view> words = {"clock_skew", "future", "tz_changed", "late", "delivered_late",
                                               "duplicate_window", "unscheduled", "device_seq_reused", "out_of_range"};
  EXPECT_EQ(Flags(0x1FF).names(), words);
  for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(to_string(static_cast<Flag>(1U << i)), words[i]);
}

TEST(Flags, HoldWhatWasAddedAndNothingElse) {
  Flags flags;
  EXPECT_TRUE(flags.empty());
  flags.add(Flag::kLate);
  flags.add(Flag::kFuture);
  flags.add(Flag::kLate);
  EXPECT_TRUE(flags.has(Flag::kLate) && flags.has(Flag::kFuture));
  EXPECT_FALSE(flags.has(Flag::kClockSkew) || flags.empty());
  EXPECT_EQ(flags.names(), (std::vector<std::string_view>{"future", "late"}));
  EXPECT_EQ(Flags(flags.bits()), flags);
}

}  // namespace
}  // namespace epro
