// SPDX-License-Identifier: MIT
#include <sluice/http/problem.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

struct Mapping {
  Code code;
  int status;
};

TEST(Problem, GivesEachCodeItsStatus) {
  for (auto [code, status] : {
           Mapping{Code::kCancelled, 499}, Mapping{Code::kUnknown, 500}, Mapping{Code::kInvalidArgument, 400},
           Mapping{Code::kDeadlineExceeded, 504}, Mapping{Code::kNotFound, 404}, Mapping{Code::kAlreadyExists, 409},
           Mapping{Code::kPermissionDenied, 403}, Mapping{Code::kResourceExhausted, 429},
           Mapping{Code::kFailedPrecondition, 400}, Mapping{Code::kAborted, 409}, Mapping{Code::kOutOfRange, 400},
           Mapping{Code::kUnimplemented, 501}, Mapping{Code::kInternal, 500}, Mapping{Code::kUnavailable, 503},
           Mapping{Code::kDataLoss, 500}, Mapping{Code::kUnauthenticated, 401},
       }) {
    Problem problem = problem_of(Error(code));
    EXPECT_EQ(problem.status, status) << to_string(code);
    EXPECT_FALSE(problem.code.empty()) << to_string(code);
  }
}

TEST(Problem, GivesAReasonWithAStatusOfItsOwnThatOne) {
  EXPECT_EQ(problem_of(Error(Code::kInvalidArgument).because("too-large")).status, 413);
  EXPECT_EQ(problem_of(Error(Code::kInvalidArgument).because("headers-too-large")).status, 431);
  EXPECT_EQ(problem_of(Error(Code::kResourceExhausted).because("reservoir-full")).status, 503);
  EXPECT_EQ(problem_of(Error(Code::kDeadlineExceeded).because("timeout")).status, 503);
  EXPECT_EQ(problem_of(Error(Code::kInvalidArgument).because("duplicate-key")).status, 400);
  EXPECT_EQ(problem_of(Error(Code::kAborted).because("submission-id-reused")).status, 409);
}

TEST(Problem, NamesTheFieldAndNeverTellsTheDetail) {
  Response response = to_response(Error(Code::kInvalidArgument, "it said 72").because("wrong-type").at("/items/3"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.headers.find("content-type"), "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,"code":"wrong-type","pointer":"/items/3"})");
  EXPECT_EQ(response.cause->detail(), "it said 72");
}

TEST(Problem, TellsNothingOfAnInternalError) {
  Response response = to_response(Error(Code::kDataLoss, "segment 7").because("bad-crc").at("/journal/path"));
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Internal Server Error","status":500,"code":"internal"})");
}

TEST(Problem, StaysJsonWhateverThePointerHolds) {
  std::string pointer = "/a\"b\\c\n\x7F\xC3\x28/";
  Response response = to_response(Problem{.status = 400, .code = "x", .pointer = pointer});
  EXPECT_TRUE(response.body.contains(R"("pointer":"/a\"b\\c\u000a\u007f(/")")) << response.body;
}

TEST(Problem, Says429And503WhenToComeAgain) {
  EXPECT_EQ(to_response(Problem{.status = 429, .code = "x"}).headers.find("retry-after"), "1");
  EXPECT_EQ(to_response(Error(Code::kUnavailable)).headers.find("retry-after"), "1");
  EXPECT_EQ(to_response(Problem{.status = 503, .code = "x", .retry_after = 2001ms}).headers.find("retry-after"), "3");
  EXPECT_EQ(to_response(Problem{.status = 503, .code = "x", .retry_after = 0ms}).headers.find("retry-after"), "1");
  EXPECT_EQ(to_response(Problem{.status = 429, .code = "x", .retry_after = Duration::max()}).headers.find("retry-after"),
            "86400");
  EXPECT_EQ(to_response(Problem{.status = 400, .code = "x"}).headers.find("retry-after"), std::nullopt);
}

TEST(Problem, TellsALimitThatWasExceeded) {
  Response response = to_response(Problem{.status = 413, .code = "too-large", .limit = 4096});
  EXPECT_TRUE(response.body.ends_with(R"("code":"too-large","limit":4096})")) << response.body;
}

}  // namespace
}  // namespace sluice::http
