// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/governance/token_bucket.hpp>

namespace sluice::http::internal {

/// Tells a client that uses HTTP/2's liberties from one that lives on them. Two things are counted over time: frames that
/// move nothing forward, and requests that end before they are answered.
///
/// Noise is PING, SETTINGS, PRIORITY, empty DATA, invalid frames, RST_STREAM, and WINDOW_UPDATE beyond
/// what our own DATA explains (CVE-2019-9511 to -9518). gRPC pings with each round trip to measure a line; hence the rate.
/// Resets: each costs us a request that began and nobody wants (CVE-2023-44487); also one that we had to make, for clients
/// can provoke it (CVE-2025-8671). A browser whose page is left resets all its streams at once; hence the burst.
/// Threads: one at a time.
class H2Flood {
 public:
  /// Of an RST_STREAM. nghttp2 has a limit of its own for them, 1,000, by the machine's clock, and ends the connection as if
  /// the fault were ours; with this weight we come first.
  static constexpr std::uint32_t kResetWeight = 3;

  explicit H2Flood(Clock& clock) noexcept : clock_(clock) {}

  /// False: that was too much.
  [[nodiscard]] bool may_make_noise(std::uint32_t weight = 1) noexcept {
    return noise_.try_take(clock_.now(), weight).allowed;
  }
  [[nodiscard]] bool may_reset() noexcept { return resets_.try_take(clock_.now()).allowed; }
  [[nodiscard]] bool may_update_window() noexcept {
    if (updates_due_ == 0) return may_make_noise();
    --updates_due_;
    return true;
  }
  /// A frame of ours that a client may answer with updates: one for the stream, one for the connection, and as many again
  /// for those that do so in small steps.
  void on_data_sent() noexcept { updates_due_ = std::min(updates_due_ + 4, kUpdatesDueMax); }

 private:
  // A client that was busy may send the updates of many frames late, but not of all that it has ever seen.
  static constexpr std::size_t kUpdatesDueMax = 10'000;

  Clock& clock_;
  governance::TokenBucket noise_{{.per_second = 1'000, .burst = 2'000}};
  governance::TokenBucket resets_{{.per_second = 20, .burst = 200}};
  std::size_t updates_due_ = 0;
};

}  // namespace sluice::http::internal
