// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include <sluice/base/clock.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/internal/drain_rate.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice::reservoir::internal {

/// What is durable and not yet drained: how many records, how many bytes, how old. Four bytes of memory a record.
/// Metrics: reservoir_depth_records, reservoir_depth_bytes, reservoir_oldest_age_seconds. Threads: fibers.
class Backlog {
 public:
  Backlog(Clock& clock, observe::Registry& metrics);
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  ~Backlog();

  /// Everything up to here was drained before we started. Requires: called first, once.
  void begin(Position drained);
  /// The next record. Requires: they come in the order of their positions.
  void add(std::uint32_t bytes, WallTime received_at);
  /// All up to here are stored elsewhere; what is lower than before changes nothing. Requires: all of them were added.
  void drain(Position through);

  [[nodiscard]] Position drained() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  /// How long until all of it is drained, as far as one can tell; see DrainRate.
  [[nodiscard]] Duration time_to_drain() const;

 private:
  struct Age {
    Position position;
    WallTime received_at;
  };

  [[nodiscard]] double oldest_age_seconds() const noexcept;

  Clock& clock_;
  observe::Gauge& depth_records_;
  observe::Gauge& depth_bytes_;

  mutable Mutex mutex_{LockRank::kReservoir};
  std::deque<std::uint32_t> sizes_;  // guarded by mutex_; of the records behind drained_
  std::deque<Age> ages_;             // guarded by mutex_; samples, a second or more apart; first, the oldest's or before
  DrainRate rate_;                   // guarded by mutex_
  std::atomic<Position> drained_{0};       // written under mutex_, read by anyone; a number by itself, publishes nothing
  std::atomic<std::uint64_t> bytes_{0};    // likewise
  std::atomic<WallTime> oldest_{WallTime::max()};  // likewise; max: there is none
  observe::Callback age_;  // reads oldest_
};

}  // namespace sluice::reservoir::internal
