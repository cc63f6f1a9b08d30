// SPDX-License-Identifier: MIT
#include <apps/epro/client/burst.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/http/status.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/task_group.hpp>

#include <apps/epro/client/answers.hpp>
#include <apps/epro/client/schedule.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Duration;
using sluice::Instant;
using sluice::Result;
namespace status = sluice::http::status;

// What became of one report.
struct Fate {
  int status = 0;          // of the answer that settled it; 0: nobody knows
  std::string receipt_id;  // empty: it was refused
  bool is_accepted = true;
};

// An acknowledgement without a receipt that can be read is none.
Fate fate_of(const Outcome& outcome) {
  if (!outcome.answer) return {};
  const auto& answer = *outcome.answer;
  if (answer.status != status::kOk && answer.status != status::kAccepted) return {answer.status, {}, true};
  auto receipt = read_receipt(answer.body);
  if (!receipt) return {};
  return {answer.status, std::move(receipt->receipt_id), receipt->is_accepted};
}

class Burst {
 public:
  Burst(const BurstParts& parts, const DiaryRun& run, const BurstOptions& options)
      : parts_(parts), run_(run), moments_(draw_moments(options.patients, options.within, options.seed)) {}

  Result<BurstResult> go(Context& ctx) {
    SLUICE_TRY(parts_.ledger.intend(ctx, intents()));
    SLUICE_TRY(submit_all(ctx));
    return std::move(result_);
  }

 private:
  // Patients submit in the order of their numbers: who it is makes no difference to a server.
  std::vector<Intent> intents() const {
    std::vector<Intent> intents;
    intents.reserve(moments_.size());
    for (std::size_t patient = 0; patient < moments_.size(); ++patient) {
      std::string report = run_.report(patient, moments_[patient]);
      intents.push_back({run_.submission_id(patient), sluice::sha256(sluice::as_bytes(report))});
    }
    return intents;
  }

  Result<void> submit_all(Context& ctx) {
    start_ = parts_.clock.now();
    sluice::TaskGroup group(ctx);
    for (std::size_t patient = 0; patient < moments_.size(); ++patient) {
      Duration until = start_ + moments_[patient] - parts_.clock.now();
      // The group's context: a failed ledger ends the burst now, not after the window.
      if (until > Duration::zero() && !sluice::sleep(group.context(), until)) break;
      group.go([this, patient](Context& own) { return submit(own, patient); });
    }
    SLUICE_TRY(group.wait());
    return ctx.check();
  }

  Result<void> submit(Context& ctx, std::size_t patient) {
    sluice::http::Request request("POST", path_, run_.report(patient, moments_[patient]));
    request.headers().add("content-type", "application/json");
    Outcome outcome = parts_.sender.send(ctx, request);
    Duration latency = parts_.clock.now() - (start_ + moments_[patient]);
    SLUICE_TRY(ctx.check());
    Fate fate = fate_of(outcome);
    if (fate.status != 0)
      SLUICE_TRY(parts_.ledger.answer(ctx, run_.submission_id(patient), fate.status, fate.receipt_id));
    count(fate, outcome.retries, latency, moments_[patient] + latency);
    parts_.progress.advance();
    return {};
  }

  void count(const Fate& fate, std::uint64_t retries, Duration latency, Duration answered_after) {
    std::lock_guard hold(mutex_);
    result_.retries += retries;
    if (fate.status == 0) {
      ++result_.gave_up;
    } else if (fate.receipt_id.empty()) {
      ++result_.refused[fate.status];
    } else {
      ++result_.acknowledged;
      if (!fate.is_accepted) ++result_.quarantined;
      if (fate.status == status::kOk) ++result_.replayed;
      result_.latency.record(latency);
      result_.elapsed = std::max(result_.elapsed, answered_after);
    }
  }

  const BurstParts& parts_;
  const DiaryRun& run_;
  const std::string path_ = "/v1/studies/" + std::string(kBurstStudy) + "/submissions";
  const std::vector<Duration> moments_;  // by patient
  Instant start_;
  sluice::Mutex mutex_{sluice::LockRank::kProgram};
  BurstResult result_;  // guarded by mutex_ while the fibers run
};

}  // namespace

Result<BurstResult> run_burst(Context& ctx, const BurstParts& parts, const DiaryRun& run, const BurstOptions& options) {
  SLUICE_ASSERT(options.patients > 0 && options.patients <= kBurstPatientsMax, "as many as the study can have");
  return Burst(parts, run, options).go(ctx);
}

}  // namespace epro
