// SPDX-License-Identifier: MIT
#include <sluice/base/result.hpp>

#include <cerrno>

#include <gtest/gtest.h>

namespace sluice {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Error(Code::kInvalidArgument, "odd").because("odd-number").at("/number"));
  return number / 2;
}

Result<int> quarter(int number) {
  SLUICE_TRY(auto once, half(number));
  SLUICE_TRY(half(once));
  SLUICE_TRY(auto twice, half(once));
  return twice;
}

TEST(Try, GoesOnWithTheValue) { EXPECT_EQ(quarter(8), 2); }

TEST(Try, HandsTheErrorToTheCaller) {
  auto result = quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(result.error().reason(), "odd-number");
  EXPECT_EQ(result.error().field(), "/number");
}

TEST(Error, SaysContextReasonFieldAndPlace) {
  Error error = Error(Code::kDataLoss, "short read").with("segment 7").because("torn").at("/x");
  EXPECT_TRUE(error.describe().starts_with("data loss [torn] at /x: segment 7: short read (sluice/base/result_test.cpp:"))
      << error.describe();
}

TEST(Error, CopiesAreIndependent) {
  Error original(Code::kUnavailable, "away");
  Error copy = Error(original).with("peer");
  EXPECT_EQ(original.detail(), "away");
  EXPECT_EQ(copy.detail(), "peer: away");
}

TEST(ErrnoError, ChoosesTheCodeByWhatTheCallerShouldDo) {
  EXPECT_EQ(errno_error(ENOSPC, "write").code(), Code::kResourceExhausted);
  EXPECT_EQ(errno_error(ECONNRESET, "read").code(), Code::kUnavailable);
  EXPECT_EQ(errno_error(EIO, "sync").code(), Code::kDataLoss);
  EXPECT_EQ(errno_error(ENOENT, "open").detail(), "open: No such file or directory");
}

}  // namespace
}  // namespace sluice
