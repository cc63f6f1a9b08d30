// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::observe::internal {

/// One JSON object on one line, put together in a buffer of fixed size without allocating.
///
///   JsonLine line;
///   line.add_key("level", 32), line.add_text("info", 256);
///   ring.push(line.finish());
///
/// Each text has a limit in bytes as written and is cut there, between characters; the caller's limits add up to less
/// than kBytesMax (asserted). Bytes that are not UTF-8 become U+FFFD.
class JsonLine {
 public:
  static constexpr std::size_t kBytesMax = 9216;

  JsonLine() noexcept { append("{"); }
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  void add_key(std::string_view key, std::size_t bytes_max) noexcept;
  void add_text(std::string_view text, std::size_t bytes_max) noexcept;
  /// The same for what is known to be plain ASCII, without quotes and backslashes: ids, times, numbers in words.
  void add_plain_text(std::string_view text) noexcept;
  void add_bool(bool yes) noexcept { append(yes ? "true" : "false"); }
  template <std::integral Integer>
  void add_number(Integer number) noexcept;
  /// NaN and infinities, for which JSON has no number, are texts.
  void add_number(double number) noexcept;

  /// Whether a text or key was cut so far.
  [[nodiscard]] bool is_cut() const noexcept { return cut_; }
  /// Ends the object and the line; borrowed until the JsonLine goes. Requires: called once, last.
  [[nodiscard]] std::string_view finish() noexcept;

 private:
  void append(std::string_view bytes) noexcept;
  void append(char byte) noexcept;
  void append_escaped(std::string_view text, std::size_t bytes_max) noexcept;

  std::array<char, kBytesMax> buffer_;  // only the first size_ bytes are ever written
  std::size_t size_ = 0;
  bool cut_ = false;
};

extern template void JsonLine::add_number(std::int64_t) noexcept;
extern template void JsonLine::add_number(std::uint64_t) noexcept;

}  // namespace sluice::observe::internal
