// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace sluice::http {

/// The Date of replies, "Sun, 06 Nov 1994 08:49:37 GMT", put together once a second however many replies there are. So long
/// the wall clock is not looked at either: if it is set, the date follows within a second.
/// Threads: one; each connection has its own, so nobody waits for another. Source: RFC 9110 §5.6.7.
class HttpDate {
 public:
  /// `now` by the same clock, or a moment before. Good until the next call.
  [[nodiscard]] std::string_view at(const Clock& clock, Instant now);

 private:
  void write(WallTime now);

  Instant until_ = Instant::min();  // when the second of text_ is over
  std::array<char, 29> text_{};
};

}  // namespace sluice::http
