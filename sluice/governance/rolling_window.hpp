// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <sluice/base/assert.hpp>
#include <sluice/base/clock.hpp>

namespace sluice::governance {

/// What has happened lately: the last `kBuckets` stretches of time, each with a Bucket of sums, which starts as Bucket{}.
///
///   RollingWindow<Sums, 40> window(250ms, clock.now());
///   window.at(clock.now()).failures += 1;
///   window.for_each(clock.now(), [&](const Sums& sums) { failures += sums.failures; });
///
/// Stretches follow each other without a gap from the instant that it was made at. An instant before the current stretch
/// belongs to it: threads may be a little late with theirs.
/// Threads: one at a time.
template <class Bucket, std::size_t kBuckets>
class RollingWindow {
 public:
  /// Requires: stretch > 0.
  RollingWindow(Duration stretch, Instant now) noexcept : stretch_(stretch), began_(now) {
    SLUICE_ASSERT(stretch > Duration(0), "time passes");
  }

  /// The bucket of `now`. Those that have become too old are handed to `expire(const Bucket&)`, oldest first, and emptied.
  template <class Expire>
  Bucket& at(Instant now, Expire expire) {
    std::int64_t passed = passed_until(now);
    if (passed == 0) return buckets_[current_];
    for (std::size_t i = 1; i <= std::min(static_cast<std::size_t>(passed), kBuckets); ++i) {
      Bucket& oldest = buckets_[(current_ + i) % kBuckets];
      expire(static_cast<const Bucket&>(oldest));
      oldest = Bucket{};
    }
    current_ = (current_ + static_cast<std::size_t>(passed)) % kBuckets;
    began_ += passed * stretch_;
    return buckets_[current_];
  }
  Bucket& at(Instant now) {
    return at(now, [](const Bucket&) {});
  }

  /// look(const Bucket&) for each that is not too old at `now`, oldest first.
  template <class Look>
  void for_each(Instant now, Look look) const {
    look_at(passed_until(now), 0, look);
  }
  /// The same without the bucket of `now`, whose sums are not whole yet.
  template <class Look>
  void for_each_past(Instant now, Look look) const {
    std::int64_t passed = passed_until(now);
    look_at(passed, passed == 0 ? 1 : 0, look);
  }

 private:
  [[nodiscard]] std::int64_t passed_until(Instant now) const noexcept {
    return now < began_ ? 0 : (now - began_) / stretch_;
  }

  template <class Look>
  void look_at(std::int64_t passed, std::size_t left_out, Look& look) const {
    if (passed >= static_cast<std::int64_t>(kBuckets)) return;
    auto expired = static_cast<std::size_t>(passed);
    for (std::size_t i = 1 + expired; i + left_out <= kBuckets; ++i) look(buckets_[(current_ + i) % kBuckets]);
  }

  const Duration stretch_;
  Instant began_;  // the current stretch
  std::size_t current_ = 0;
  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace sluice::governance
