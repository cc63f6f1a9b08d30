// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/client/diary.hpp>
#include <apps/epro/client/histogram.hpp>
#include <apps/epro/client/ledger.hpp>
#include <apps/epro/client/progress.hpp>
#include <apps/epro/client/retrying_client.hpp>

namespace epro {

struct BurstOptions {
  std::size_t patients = 0;    ///< at least 1, at most kBurstPatientsMax
  sluice::Duration within{0};  ///< the window that the submissions are drawn from; positive
  std::uint64_t seed = 0;      ///< of the moments
};

/// What a burst needs; all of it outlives the burst.
struct BurstParts {
  RetryingClient& sender;
  Ledger& ledger;
  sluice::Clock& clock;  ///< the one that the runtime's timers follow
  Progress& progress;
};

/// What became of the reports of a burst. Every one of them is acknowledged, refused or given up.
struct BurstResult {
  std::uint64_t acknowledged = 0;  ///< with its receipt in the ledger, on stable storage
  std::uint64_t quarantined = 0;   ///< of those
  std::uint64_t replayed = 0;      ///< of those, the server had them already: an earlier try, or an earlier run
  std::map<int, std::uint64_t> refused;  ///< by status
  std::uint64_t gave_up = 0;       ///< no answer in time, or one that could not be read: stored or not, nobody knows
  std::uint64_t retries = 0;
  Histogram latency;               ///< of the acknowledged ones, from the moment that was drawn to the answer
  sluice::Duration elapsed{0};     ///< from the start of the window to the last acknowledgement
};

/// The evening peak: every patient of the run submits one report, at a moment drawn from the window, as a fiber of its
/// own. When the server is slow the others come all the same (an open loop), and the time that a report waits for its turn
/// counts: nothing is omitted from the latencies. Intents are in the ledger before the window opens.
/// Parks. An error: the ledger failed, there were no stacks for the fibers, or ctx ended; then the ledger is what is known.
/// Requires: the study is published; nobody else submits this run.
[[nodiscard]] sluice::Result<BurstResult> run_burst(sluice::Context& ctx, const BurstParts& parts, const DiaryRun& run,
                                                    const BurstOptions& options);

}  // namespace epro
