// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/h2_connection.hpp>
#include <sluice/http/request.hpp>

namespace sluice::http::internal {

/// Makes a Request of the fields that nghttp2 decodes, one at a time, and judges what it leaves to us: sizes, what the
/// fields mean together, and what a target or host may be, by the rules of HTTP/1.1. nghttp2 has seen to the order and
/// number of pseudo-header fields, to lower case, and to the fields that belong to connections (RFC 9113 §8.2, §8.3).
/// Threads: one.
class H2Head {
 public:
  explicit H2Head(const H2Options& options) noexcept : options_(options) {}

  /// One more field. What follows a refused one is dropped, so that a head costs no more than its limits.
  void take(std::string_view name, std::string_view value, Request& request);
  /// The same for a field behind the body.
  void take_trailer(std::string_view name, std::string_view value, Headers& trailers);
  void refuse(const char* reason, std::string_view field = {});

  /// All fields are there: completes `request`. kInvalidArgument, once for the first thing that is wrong:
  /// `headers-too-large`, `too-many-headers`, `bad-header`, `bad-method`, `bad-target`, `bad-host`, `duplicate-host`,
  /// `missing-host`, `bad-content-length`, `expectation-unknown`.
  Result<void> finish(Request& request);
  /// Ok, or why a trailer was refused.
  [[nodiscard]] Result<void> check() const;

  // After finish():
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  /// Nothing if the client did not say.
  [[nodiscard]] std::optional<std::uint64_t> body_length() const noexcept { return body_length_; }

 private:
  bool has_room_for(std::string_view name, std::string_view value);
  void take_pseudo(std::string_view name, std::string_view value);

  const H2Options& options_;
  std::optional<Error> refusal_;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  std::string method_;
  std::string target_;
  std::string cookie_;
  std::optional<std::string> authority_;
  bool expects_continue_ = false;
  std::optional<std::uint64_t> body_length_;
};

}  // namespace sluice::http::internal
