// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/base/clock.hpp>

namespace sluice::http::internal {

/// Tells a slow peer from one that holds us up: in each span of time some bytes must have moved. A whole transfer may
/// last as long as it likes, and a burst at its start buys no rest later.
class Pace {
 public:
  Pace(const Clock& clock, Duration span, std::size_t bytes_per_second) noexcept
      : clock_(clock), span_(span), bytes_per_span_(bytes_in(span, bytes_per_second)), until_(Deadline::after(clock, span)) {}

  /// When the bytes of this span must have moved.
  [[nodiscard]] Deadline until() const noexcept { return until_; }
  [[nodiscard]] std::size_t bytes_per_span() const noexcept { return bytes_per_span_; }
  /// So many bytes have moved.
  void moved(std::size_t count) noexcept {
    moved_ += count;
    if (moved_ < bytes_per_span_) return;
    moved_ = 0;
    until_ = Deadline::after(clock_, span_);
  }

 private:
  static std::size_t bytes_in(Duration span, std::size_t bytes_per_second) noexcept {
    auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    return bytes_per_second * static_cast<std::size_t>(milliseconds) / 1000 + 1;
  }

  const Clock& clock_;
  Duration span_;
  std::size_t bytes_per_span_;
  std::size_t moved_ = 0;
  Deadline until_;
};

}  // namespace sluice::http::internal
