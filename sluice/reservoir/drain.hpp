// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir {

/// What a store has, by number and by identity.
struct Stored {
  Position position = 0;         ///< of the last record that is stored; 0 if none is
  Fingerprint fingerprint = {};  ///< of that record, as fingerprint_of; zeros if none is
  friend bool operator==(const Stored&, const Stored&) = default;
};

/// Where drained records end up. Rows and `Stored` are written in one transaction: that is what makes it exactly once.
/// Threads: one fiber.
class Sink {
 public:
  virtual ~Sink() = default;
  /// The last record that is stored here. kFailedPrecondition: it holds another journal's records.
  virtual Result<Stored> position(Context& ctx) = 0;
  /// Stores all of them, and position and fingerprint of the last, or nothing. An error is tried again, with the same
  /// records.
  virtual Result<void> apply(Context& ctx, std::span<const Record> records) = 0;
};

struct DrainOptions {
  std::size_t records_max = 512;                          ///< of one transaction
  std::size_t bytes_max = std::size_t{8} << 20;           ///< of one transaction
  /// After a transaction that was not full the next one gathers for so long: a store that flushes for each pays ten times
  /// the processor time for records that come one by one. The price is that they are stored that much later.
  Duration gather_time = std::chrono::milliseconds(10);
  Duration retry_min = std::chrono::milliseconds(50);     ///< doubles up to retry_max while the sink fails
  Duration retry_max = std::chrono::seconds(5);
  Duration finish_time = std::chrono::seconds(5);         ///< what run() may still take to empty the reservoir at the end
};

/// Brings what is in the reservoir to the store, at the store's pace, for as long as it takes.
///
///   Drain drain(reservoir, store, {}, parts);
///   SLUICE_TRY(drain.check(ctx));  // before anything is acknowledged
///   program.add("drain", [&](Context& ctx) { return drain.run(ctx); });
///
/// While the store fails, acknowledging goes on; each failure is logged (at a bounded rate) and counted. After each one the
/// store is asked for its position before anything is applied again: an answer that got lost may have been "done". And it
/// is asked for the fingerprint: a journal that lost its end (a restored copy) and grew again has other records at the
/// same numbers.
/// Metrics: reservoir_drained_total, reservoir_drain_failures_total{code}.
class Drain {
 public:
  Drain(Reservoir& reservoir, Sink& sink, DrainOptions options, Reservoir::Parts parts);

  /// Asks the store once whether it and the journal belong together. Errors as of run(). A store that cannot be asked now
  /// is ok: run() asks it. Requires: before run().
  Result<void> check(Context& ctx);
  /// Until ctx ends; then until the reservoir is empty, the sink fails, or finish_time is over. Ok in all these cases.
  /// kFailedPrecondition: the store is not this journal's, or is behind what the journal still has, or ahead of it, or has
  /// another record at its position: going on would lose or hide reports. The detail says which positions. kDataLoss: the
  /// journal is damaged; likewise.
  /// Requires: one run at a time.
  Result<void> run(Context& ctx);

 private:
  // What a step came to: nothing is in its way; it has stored what there was; the store (or reading) failed and it is worth
  // another try.
  enum class Step : std::uint8_t { kDone, kCaughtUp, kFailed };

  Result<Step> step(Context& ctx);
  Result<Step> agree(Context& ctx);
  Result<bool> is_ours(Context& ctx, const Stored& stored);
  Result<Step> read(Context& ctx);
  Step apply(Context& ctx);
  void trim(Context& ctx);
  Result<void> finish();
  void pause(Context& ctx);
  Step failed(Context& ctx, const Error& error);

  Reservoir& reservoir_;
  Sink& sink_;
  const DrainOptions options_;
  Reservoir::Parts parts_;
  observe::Counter& drained_total_;
  observe::CounterFamily& failures_total_;
  observe::LogLimit failure_log_;
  observe::LogLimit trim_log_;
  std::optional<Position> stored_;  // what the sink is known to have; nothing: it must be asked
  Stored agreed_;                   // the last that is known to be ours: it need not be read again
  std::vector<Record> records_;     // read, and not yet known to be stored
  Duration retry_{};                // before the next attempt; grows while they fail
};

}  // namespace sluice::reservoir
