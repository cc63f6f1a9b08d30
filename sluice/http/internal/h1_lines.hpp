// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/headers.hpp>

namespace sluice::http::internal {

/// Why a line was refused: a literal that lives for ever, and the status' table in problem.cpp knows it.
struct LineLimit {
  std::size_t bytes;   ///< with the line end
  const char* reason;  ///< of a line that has more
};

/// What HTTP/1.1 is made of: lines that end in CR LF. A bare LF is refused, and so is whatever is too long, however the
/// bytes are split over reads.
class LineScanner {
 public:
  struct Line {
    std::string_view text;         ///< without the line end
    std::size_t consumed = 0;      ///< with it; 0: the line is not complete yet, come again with these bytes and more
  };
  Result<Line> next(std::string_view input, LineLimit limit);

 private:
  std::size_t scanned_ = 0;  // so many bytes of the incomplete line are known to hold no LF
};

/// One "name: value", without its line end. kInvalidArgument: `obs-fold`, `space-before-colon`, `bad-header`,
/// `bad-header-value`, `bare-cr`; names the header if its name is sound.
Result<Headers::FieldView> parse_field_line(std::string_view line);

[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// Visible characters, blanks, tabs and bytes above ASCII (RFC 9110 §5.5).
[[nodiscard]] bool is_field_text(std::string_view text) noexcept;
[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;

/// kInvalidArgument with this reason and place.
[[nodiscard]] std::unexpected<Error> malformed(const char* reason, std::string_view field = {},
                                               std::source_location where = std::source_location::current());

}  // namespace sluice::http::internal
