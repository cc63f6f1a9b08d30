// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_limits.hpp>
#include <sluice/http/internal/h1_lines.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>

namespace sluice::http {

/// Reads the head of a request, line by line as the lines become complete.
///
///   H1RequestParser parser(limits);
///   SLUICE_TRY(auto step, parser.parse(input, request));     // until step.done
///   H1BodyDecoder body(parser.framing(), limits, kBodyMax);
///
/// Strict where leniency has been a hole: what two parsers could understand differently is refused. However the bytes are
/// split over calls, the result is the same. Every refusal is kInvalidArgument with a reason, and names the header where
/// there is one: `request-line-too-long` `bad-request-line` `bad-method` `bad-target` `bad-version`
/// `version-not-supported` `bare-lf` `bare-cr` · `header-too-long` `headers-too-large` `too-many-headers` `bad-header`
/// `bad-header-value` `obs-fold` `space-before-colon` · `missing-host` `duplicate-host` `bad-host`
/// `duplicate-content-length` `bad-content-length` `length-and-coding` `bad-transfer-encoding` `transfer-coding-unknown`
/// `bad-connection` `expectation-unknown`.
/// Threads: as any value. Source: RFC 9112; stricter than it in refusing equal repeated Content-Length fields, and in
/// passing over one empty line before a request, not more.
class H1RequestParser {
 public:
  /// `skipped_empty_line`: one stood before the request already, and another parser has seen it.
  explicit H1RequestParser(const H1Limits& limits, bool skipped_empty_line = false)
      : limits_(limits), skipped_empty_line_(skipped_empty_line) {}

  /// Requires: `request` is clear at the first call, and the same at each.
  Result<H1Step> parse(std::string_view input, Request& request);
  /// Ready for the next request.
  void reset();
  /// False: nothing of a request has come yet.
  [[nodiscard]] bool has_begun() const noexcept { return head_bytes_ > 0; }
  [[nodiscard]] bool has_skipped_empty_line() const noexcept { return skipped_empty_line_; }

  // Of a head that is complete:

  [[nodiscard]] const H1Framing& framing() const noexcept { return framing_; }
  /// The client will go on with this connection after the reply.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }
  /// It waits for 100 (Continue) before it sends the body.
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }

 private:
  Result<void> take_line(std::string_view line, Request& request);
  Result<void> finish(const Request& request);

  H1Limits limits_;
  internal::LineScanner lines_;
  std::size_t head_bytes_ = 0;
  bool skipped_empty_line_;
  bool has_start_line_ = false;
  H1Framing framing_;
  bool keeps_alive_ = false;
  bool expects_continue_ = false;
};

/// The same for the head of a response. Also refuses `bad-status-line`; not `missing-host` and its like.
class H1ResponseParser {
 public:
  /// `answers_head`: it answers a HEAD, so it has no body whatever its fields say.
  H1ResponseParser(const H1Limits& limits, bool answers_head) : limits_(limits), answers_head_(answers_head) {}

  /// Requires: `response` is new at the first call, and the same at each.
  Result<H1Step> parse(std::string_view input, Response& response);

  [[nodiscard]] bool has_begun() const noexcept { return head_bytes_ > 0; }
  [[nodiscard]] const H1Framing& framing() const noexcept { return framing_; }
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }

 private:
  Result<void> take_line(std::string_view line, Response& response);
  Result<void> finish(const Response& response);

  H1Limits limits_;
  bool answers_head_;
  internal::LineScanner lines_;
  std::size_t head_bytes_ = 0;
  bool has_start_line_ = false;
  Version version_ = Version::kHttp11;
  H1Framing framing_;
  bool keeps_alive_ = false;
};

}  // namespace sluice::http
