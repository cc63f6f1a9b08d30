// SPDX-License-Identifier: MIT
#include <sluice/http/headers.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Headers, FindsAFieldWithoutRegardToCase) {
  Headers headers;
  headers.add("Content-Type", "application/json");
  EXPECT_EQ(headers.find("content-type"), "application/json");
  EXPECT_EQ(headers.find("CONTENT-TYPE"), "application/json");
  EXPECT_EQ(headers.find("content-typ"), std::nullopt);
  EXPECT_EQ(headers.find("Content-Type "), std::nullopt);
}

TEST(Headers, KeepsTheOrderAndTheSpelling) {
  Headers headers;
  headers.add("b", "1");
  headers.add("A", "2");
  headers.add("B", "3");
  EXPECT_EQ(headers.text(), "b: 1\r\nA: 2\r\nB: 3\r\n");
  EXPECT_EQ(headers.find("B"), "1");
  EXPECT_EQ(headers.count("b"), 2u);
}

TEST(Headers, ReplacesAllFieldsOfAName) {
  Headers headers;
  headers.add("x", "1");
  headers.add("y", "2");
  headers.add("X", "3");
  headers.set("x", "4");
  EXPECT_EQ(headers.text(), "y: 2\r\nx: 4\r\n");
  headers.remove("Y");
  EXPECT_EQ(headers.text(), "x: 4\r\n");
  EXPECT_EQ(headers.size(), 1u);
}

TEST(Headers, LetNoValueForgeAnotherField) {
  Headers headers;
  headers.add("x", std::string_view("1\r\nSet-Cookie: 2\0", 17));
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.text(), "x: 1  Set-Cookie: 2 \r\n");
}

TEST(Headers, FindTokensInListsOfSeveralFields) {
  Headers headers;
  headers.add("Connection", "keep-alive, ,\tUpgrade ");
  headers.add("connection", "Close");
  EXPECT_TRUE(headers.has_token("connection", "close"));
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("connection", "keep-alive"));
  EXPECT_FALSE(headers.has_token("connection", "keep"));
  EXPECT_FALSE(headers.has_token("connection", ""));
}

}  // namespace
}  // namespace sluice::http
