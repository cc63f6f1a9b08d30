// SPDX-License-Identifier: MIT
#include <sluice/schema/json_pointer.hpp>

#include <gtest/gtest.h>

namespace sluice::schema {
namespace {

TEST(JsonPointer, EscapesWhatMeansSomethingInIt) {
  EXPECT_EQ(pointer("", "device"), "/device");
  EXPECT_EQ(pointer("/items", 3), "/items/3");
  EXPECT_EQ(pointer("/a", "m~n/o"), "/a/m~0n~1o");
  EXPECT_EQ(pointer("", ""), "/");
}

TEST(JsonPointer, GrowsFromTheInsideOut) {
  Error error(Code::kInvalidArgument);
  error = error_inside("items", error_inside(2, error_inside("a/b", std::move(error))));
  EXPECT_EQ(error.field(), "/items/2/a~1b");
}

TEST(JsonPointer, PointsFurtherOutWhenItWouldBeTooLong) {
  std::string longest(kPointerBytesMax - 1, 'x');  // with its slash
  Error error(Code::kInvalidArgument);
  EXPECT_EQ(error_inside(longest, error).field(), "/" + longest);
  EXPECT_EQ(error_inside(longest + "x", error).field(), "");
  EXPECT_EQ(error_inside(std::string(600, '~'), error).field(), "") << "escaped, it is too long";

  // Each of these leaves out what lies inside, never what lies around.
  EXPECT_EQ(error_inside("a", error_inside(longest + "x", error_inside("deep", error))).field(), "/a");
  EXPECT_EQ(error_inside("a", error_inside(longest, error)).field(), "/a");
}

}  // namespace
}  // namespace sluice::schema
