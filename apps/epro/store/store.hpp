// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/reservoir/drain.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Logger;
class Registry;
}  // namespace sluice::observe

namespace epro {

struct StoreOptions {
  std::filesystem::path file;  ///< <data>/epro.db
  std::string journal_id;      ///< of the journal whose records come in: Reservoir::journal_id()
  /// Whether a missing database may be made: only if the journal still has everything from position 1, as it was when the
  /// server started (Reservoir::oldest() == 1). Otherwise a database that somebody moved away for a minute would be
  /// replaced by an empty one.
  bool may_create = false;
  /// How long to wait for a lock; short, for the drain tries again.
  sluice::Duration busy_wait = std::chrono::milliseconds(250);
};

/// Where acknowledged reports end up: an SQLite database (schema.sql) that says for itself up to which position of the
/// journal it has everything, and which record stood there.
///
///   Store store({.file = data / "epro.db", .journal_id = reservoir.journal_id(), .may_create = reservoir.oldest() == 1},
///               {log, metrics});
///   Drain drain(reservoir, store, {}, parts);
///
/// The file is opened at the first use and again whenever it was not to be had: a database that is locked, moved or
/// missing makes an answer kUnavailable, never a start fail. A file that was moved away is not written to any more. Once
/// it was open, a missing one is waited for and never made anew.
///
/// Nothing acknowledged is dropped: what cannot become the rows that it should (a constraint refuses it, its original
/// cannot be read any more) is kept in the table `set_aside`, original and reason, while the rest goes on.
/// Metrics: epro_store_submissions_total{kind,disposition}, epro_store_set_aside_total{reason}, epro_store_bare_total
/// (accepted and stored without its values, for the original could not be taken apart).
/// Threads: one fiber. Lifetime: log and metrics outlive it; destroy it in a fiber, for closing merges the log.
class Store final : public sluice::reservoir::Sink {
 public:
  struct Parts {
    sluice::observe::Logger& log;
    sluice::observe::Registry& metrics;
  };

  Store(StoreOptions options, Parts parts);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() override;

  /// kFailedPrecondition: it holds another journal's records, or was made by another version of epro. kUnavailable: the
  /// file is locked or not there; ask again.
  sluice::Result<sluice::reservoir::Stored> position(sluice::Context& ctx) override;
  /// One transaction for all. Records that it has already are passed over. kFailedPrecondition also: there is a gap
  /// between what it has and the first record.
  sluice::Result<void> apply(sluice::Context& ctx, std::span<const sluice::reservoir::Record> records) override;

 private:
  class Work;
  const std::unique_ptr<Work> work_;
};

}  // namespace epro
