// SPDX-License-Identifier: MIT
#include <apps/epro/record/finding.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

// Words and numbers are in clients' code and in files: this list only ever grows.
TEST(Finding, HasTheCodesOfTheContract) {
  const char* words[] = {"instrument-version-unknown", "item-unknown",  "value-not-allowed", "value-type",
                         "unit-unknown", "unit-implausible", "capture-time-ambiguous", "capture-time-invalid",
                         "patient-withdrawn", "empty"};
  for (std::size_t i = 0; i < std::size(words); ++i) EXPECT_EQ(to_string(static_cast<FindingCode>(i)), words[i]);
}

}  // namespace
}  // namespace epro
