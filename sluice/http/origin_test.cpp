// SPDX-License-Identifier: MIT
#include <sluice/http/origin.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Origin, HasItsSchemesPortUnlessItSaysOtherwise) {
  EXPECT_EQ(parse_origin("http://127.0.0.1:8888", "--url"), (Origin{false, {"127.0.0.1", 8888}}));
  EXPECT_EQ(parse_origin("HTTP://epro.local/", "--url"), (Origin{false, {"epro.local", 80}}));
  EXPECT_EQ(parse_origin("http://[::1]", "--url"), (Origin{false, {"::1", 80}}));
  EXPECT_EQ(parse_origin("https://epro.local", "--url"), (Origin{true, {"epro.local", 443}}));
  EXPECT_EQ(parse_origin("HTTPS://[::1]:8443/", "--url"), (Origin{true, {"::1", 8443}}));
  EXPECT_EQ(parse_origin("http://[::1]:81/", "--url"), (Origin{false, {"::1", 81}}));
}

TEST(Origin, RefusesWhatIsNoneNamingTheField) {
  for (const char* url : {"", "http", "http://", "http:///", "https://", "https:///", "https://a/b", "ftp://a", "a:80", "http://a/b", "http://u@a",
                          "http://a?b", "http://a:b", "http://a:70000", "http://[::1"}) {
    auto parsed = parse_origin(url, "--url");
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument) << url;
    EXPECT_EQ(parsed.error().field(), "--url") << url;
  }
}

}  // namespace
}  // namespace sluice::http
