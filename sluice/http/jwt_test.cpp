// SPDX-License-Identifier: MIT
#include <sluice/http/jwt.hpp>

#include <chrono>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/http/signed_token_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// RFC 7515, appendix A.1.
constexpr std::string_view kExampleKey = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
constexpr std::string_view kExampleToken =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr WallTime kExampleEnd{std::chrono::seconds(1'300'819'380)};

const WallTime kNow{std::chrono::seconds(1'800'000'000)};

JwtVerifier verifier(std::string secret = kTestSecret, std::string previous = "") {
  return *JwtVerifier::make({std::move(secret), std::move(previous)});
}

std::string reason_of(const Result<schema::Json>& result) {
  if (result) return "ok";
  EXPECT_EQ(result.error().code(), Code::kUnauthenticated);
  return std::string(result.error().reason());
}

TEST(Jwt, Rfc7515_A1_TakesTheExampleOfTheStandard) {
  auto claims = verifier(*from_base64url(kExampleKey)).verify(kExampleToken, kExampleEnd - 1s);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->find("iss")->text(), "joe");
  EXPECT_TRUE(claims->find("http://example.com/is_root")->boolean());
}

TEST(Jwt, Rfc7519_4_1_4_EndsAtTheSecondOfExp) {
  auto joe = verifier(*from_base64url(kExampleKey));
  EXPECT_EQ(reason_of(joe.verify(kExampleToken, kExampleEnd - 1us)), "ok");
  EXPECT_EQ(reason_of(joe.verify(kExampleToken, kExampleEnd)), "token-expired");
}

TEST(Jwt, TakesTheThreeHashesAndNothingElse) {
  for (const char* name : {"HS256", "HS384", "HS512"})
    EXPECT_EQ(reason_of(verifier().verify(make_token(R"({"alg":")" + std::string(name) + R"("})", "{}"), kNow)), "ok") << name;
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"RS256"})", R"({"alg":"hs256"})", R"({"alg":1})",
                             "{}", R"({"alg":"HS256","crit":["exp"]})"})
    EXPECT_EQ(reason_of(verifier().verify(make_token(header, "{}"), kNow)), "token-algorithm") << header;
}

TEST(Jwt, RefusesATokenWithoutASignature) {
  std::string token = make_token(kHs256, "{}");
  EXPECT_EQ(reason_of(verifier().verify(token.substr(0, token.rfind('.') + 1), kNow)), "token-signature");
}

TEST(Jwt, RefusesATokenInWhichAnyCharacterWasChanged) {
  const std::string token = make_token(kHs256, R"({"sub":"device-7","exp":1900000000})");
  ASSERT_EQ(reason_of(verifier().verify(token, kNow)), "ok");
  std::mt19937 random(7);
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    do changed[at] = "ABCXYZabcxyz0189-_.=! "[random() % 22];
    while (changed[at] == token[at]);
    EXPECT_NE(reason_of(verifier().verify(changed, kNow)), "ok") << at << ": " << changed;
  }
}

TEST(Jwt, TakesThePreviousSecretWhileThereIsOne) {
  const std::string old = make_token(kHs256, "{}", "the-old-secret");
  EXPECT_EQ(reason_of(verifier("the-new-secret", "the-old-secret").verify(old, kNow)), "ok");
  EXPECT_EQ(reason_of(verifier("the-new-secret").verify(old, kNow)), "token-signature");
}

TEST(Jwt, HoldsTimesAgainstTheClock) {
  struct Case {
    const char* claims;
    const char* reason;
  };
  const Case table[] = {{R"({"exp":1800000000})", "token-expired"},    {R"({"exp":1800000000.5})", "ok"},
                        {R"({"exp":1800000001})", "ok"},               {R"({"nbf":1800000000})", "ok"},
                        {R"({"nbf":1800000001})", "token-early"},      {R"({"iat":1800000001})", "token-early"},
                        {R"({"exp":"1900000000"})", "token-malformed"}, {R"({"nbf":null})", "token-malformed"},
                        {R"({"exp":1e400})", "token-malformed"},       {R"({"exp":0})", "token-expired"}};
  for (const Case& each : table) EXPECT_EQ(reason_of(verifier().verify(make_token(kHs256, each.claims), kNow)), each.reason) << each.claims;
}

TEST(Jwt, RefusesWhatIsNoToken) {
  const std::string sound = make_token(kHs256, "{}");
  for (std::string_view text : {"", ".", "..", "a.b", "a.b.c", "a.b.c.d"})
    EXPECT_EQ(reason_of(verifier().verify(text, kNow)), "token-malformed") << text;
  EXPECT_EQ(reason_of(verifier().verify(sound + ".", kNow)), "token-malformed");
  EXPECT_EQ(reason_of(verifier().verify(make_token(kHs256, "[]"), kNow)), "token-malformed");
  EXPECT_EQ(reason_of(verifier().verify(make_token(kHs256, R"({"a":1,"a":2})"), kNow)), "token-malformed");
  EXPECT_EQ(reason_of(verifier().verify(make_token(kHs256, R"({"x":")" + std::string(9000, 'x') + "\"}"), kNow)), "token-malformed");
}

TEST(Jwt, WantsSecretsOfSomeLength) {
  EXPECT_TRUE(JwtVerifier::make({"12345678"}));
  EXPECT_FALSE(JwtVerifier::make({"1234567"}));
  EXPECT_FALSE(JwtVerifier::make({""}));
  EXPECT_FALSE(JwtVerifier::make({"12345678", "1234567"}));
}

}  // namespace
}  // namespace sluice::http
