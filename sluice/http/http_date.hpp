// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace sluice::http {

/// The Date of replies, "Sun, 06 Nov 1994 08:49:37 GMT", put together once a second however many replies there are.
/// Threads: one; each connection has its own, so nobody waits for another. Source: RFC 9110 §5.6.7.
class HttpDate {
 public:
  /// Good until the next call.
  [[nodiscard]] std::string_view at(WallTime now);

 private:
  std::int64_t second_ = -1;  // since 1970, of text_; -1: none yet
  std::array<char, 29> text_{};
};

}  // namespace sluice::http
