// SPDX-License-Identifier: MIT
#include <sluice/http/internal/h2_head.hpp>

#include <charconv>
#include <utility>

#include <sluice/http/internal/h1_lines.hpp>
#include <sluice/http/internal/request_target.hpp>

namespace sluice::http::internal {
namespace {

// What RFC 9113 §6.5.2 counts for a field beside its text.
constexpr std::size_t kFieldOverhead = 32;

std::optional<std::uint64_t> parse_length(std::string_view digits) {
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return length;
}

}  // namespace

void H2Head::refuse(const char* reason, std::string_view field) {
  if (!refusal_) refusal_ = malformed(reason, field).error();
}

bool H2Head::has_room_for(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  ++count_;
  if (bytes_ > options_.head_bytes) refuse("headers-too-large");
  if (count_ > options_.field_count) refuse("too-many-headers");
  return !refusal_;
}

void H2Head::take(std::string_view name, std::string_view value, Request& request) {
  if (!has_room_for(name, value)) return;
  if (name.starts_with(':')) return take_pseudo(name, value);
  if (!is_token(name) || !is_field_text(value)) return refuse("bad-header", is_token(name) ? name : std::string_view());
  // RFC 9113 §8.2.3: a cookie may come in crumbs, for the sake of compression; its readers know it whole.
  if (name == "cookie") {
    cookie_.append(cookie_.empty() ? "" : "; ").append(value);
  } else {
    request.headers().add(name, value);
  }
}

// The scheme is dropped: nothing here depends on it, and it says what the client believes, not what is.
void H2Head::take_pseudo(std::string_view name, std::string_view value) {
  if (name == ":method") method_ = value;
  if (name == ":path") target_ = value;
  if (name == ":authority") authority_ = value;
}

void H2Head::take_trailer(std::string_view name, std::string_view value, Headers& trailers) {
  if (!has_room_for(name, value)) return;
  if (!is_token(name) || !is_field_text(value)) return refuse("bad-header", is_token(name) ? name : std::string_view());
  trailers.add(name, value);
}

Result<void> H2Head::check() const {
  if (refusal_) return fail(*refusal_);
  return {};
}

Result<void> H2Head::finish(Request& request) {
  SLUICE_TRY(check());
  if (!is_method(method_)) return malformed("bad-method");
  if (target_.empty() || !is_target(target_, method_)) return malformed("bad-target");
  request.set_start_line(method_, target_, Version::kHttp2);

  Headers& headers = request.headers();
  std::size_t hosts = headers.count("host");
  if (hosts > 1) return malformed("duplicate-host", "host");
  // RFC 9113 §8.3.1: two names for one thing must not differ, or two readers serve two sites.
  if (hosts == 1 && authority_ && !equal_ignoring_case(*headers.find("host"), *authority_)) {
    return malformed("duplicate-host", "host");
  }
  if (hosts == 0 && !authority_) return malformed("missing-host", "host");
  if (hosts == 0) headers.add("host", *authority_);
  if (!is_host(*headers.find("host"))) return malformed("bad-host", "host");
  if (!cookie_.empty()) headers.add("cookie", cookie_);

  if (auto length = headers.find("content-length")) {
    body_length_ = parse_length(*length);
    if (!body_length_) return malformed("bad-content-length", "content-length");
  }
  if (auto expectation = headers.find("expect")) {
    if (!equal_ignoring_case(*expectation, "100-continue")) return malformed("expectation-unknown", "expect");
    expects_continue_ = true;
  }
  return {};
}

}  // namespace sluice::http::internal
