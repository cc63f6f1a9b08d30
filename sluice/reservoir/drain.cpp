// SPDX-License-Identifier: MIT
//
//   agree  ask the store what it has, compare with the journal      after a start and after each failure
//   read   the next records                                         unless some are left from a failure
//   apply  records and position, in one transaction of the store
//   trim   tell the reservoir, which lets go of files
#include <sluice/reservoir/drain.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/observe/log.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::reservoir {
namespace {

// A store that is away for three days is worth a line now and then, not five a second.
constexpr Duration kLogInterval = std::chrono::seconds(10);

/// No try will help: what should be read is damaged or gone.
bool is_final(const Error& error) noexcept {
  return error.code() == Code::kDataLoss || error.code() == Code::kOutOfRange;
}

Error disagreement(Position stored, const Reservoir& reservoir, std::string_view what = {}) {
  return Error(Code::kFailedPrecondition, "the store is at position " + std::to_string(stored) + ", the journal has " +
                                              std::to_string(reservoir.oldest()) + " to " +
                                              std::to_string(reservoir.durable()) + std::string(what) +
                                              ": going on would lose or hide records");
}

}  // namespace

Drain::Drain(Reservoir& reservoir, Sink& sink, DrainOptions options, Reservoir::Parts parts)
    : reservoir_(reservoir),
      sink_(sink),
      options_(options),
      parts_(parts),
      drained_total_(parts.metrics.counter("reservoir_drained_total", "Records that the store has taken.")),
      failures_total_(parts.metrics.counter_family("reservoir_drain_failures_total", "Attempts that failed.", {"code"})),
      failure_log_(kLogInterval),
      trim_log_(kLogInterval) {}

Result<void> Drain::check(Context& ctx) {
  SLUICE_TRY(agree(ctx));
  return {};
}

Result<void> Drain::run(Context& ctx) {
  while (!ctx.is_cancelled()) {
    SLUICE_TRY(Step step, this->step(ctx));
    if (step == Step::kFailed) pause(ctx);
    if (step == Step::kCaughtUp) static_cast<void>(sleep(ctx, options_.gather_time));  // the loop looks at ctx
  }
  return finish();
}

/// What is left when the program stops, within finish_time; ctx has ended, so it has a context of its own.
Result<void> Drain::finish() {
  Context root;
  Context ctx{root, options_.finish_time};
  while (!ctx.is_cancelled() && (!stored_ || *stored_ < reservoir_.durable())) {
    SLUICE_TRY(Step step, this->step(ctx));
    if (step == Step::kFailed) break;
  }
  return {};
}

/// The next records into the store, or nearer to it. An error is final.
Result<Drain::Step> Drain::step(Context& ctx) {
  if (!stored_) return agree(ctx);
  if (records_.empty()) return read(ctx);
  return apply(ctx);
}

Result<Drain::Step> Drain::agree(Context& ctx) {
  auto stored = sink_.position(ctx);
  if (!stored && stored.error().code() == Code::kFailedPrecondition) return fail(std::move(stored).error());
  if (!stored) return failed(ctx, stored.error());
  const Position position = stored->position;
  if (position + 1 < reservoir_.oldest() || position > reservoir_.durable())
    return fail(disagreement(position, reservoir_));
  auto matches = is_ours(ctx, *stored);
  if (!matches && is_final(matches.error()) && !ctx.is_cancelled()) return fail(std::move(matches).error());
  if (!matches) return failed(ctx, matches.error());
  if (!*matches)
    return fail(disagreement(position, reservoir_, ", and another record there than the store was given"));
  agreed_ = *stored;
  // After a failure: nothing of them was stored, then they are still the next ones; or all of them.
  if (!records_.empty() && records_.back().position == position) drained_total_.add(records_.size());
  if (!records_.empty() && records_.front().position != position + 1) records_.clear();
  stored_ = position;
  trim(ctx);
  return Step::kDone;
}

/// Whether the record that the store has last is the one that the journal has there. Requires: by number it may be.
Result<bool> Drain::is_ours(Context& ctx, const Stored& stored) {
  // Nothing is stored; or the journal has let go of that record: then the number must do. It may, for only a drain lets
  // go of records, and only of those that a store had when the two agreed.
  if (stored.position < reservoir_.oldest()) return true;
  if (stored == agreed_) return true;
  SLUICE_TRY(auto records, reservoir_.read(ctx, stored.position - 1, 1, 1));
  return fingerprint_of(records.front()) == stored.fingerprint;
}

Result<Drain::Step> Drain::read(Context& ctx) {
  auto records = reservoir_.read(ctx, *stored_, options_.records_max, options_.bytes_max);
  if (!records && is_final(records.error()) && !ctx.is_cancelled()) return fail(std::move(records).error());
  if (!records) return failed(ctx, records.error());
  records_ = std::move(*records);
  return Step::kDone;
}

Drain::Step Drain::apply(Context& ctx) {
  if (auto applied = sink_.apply(ctx, records_); !applied) {
    stored_.reset();  // ask: the answer may have been lost, and not the records
    return failed(ctx, applied.error());
  }
  const bool was_full = records_.size() >= options_.records_max;
  stored_ = records_.back().position;
  agreed_ = {*stored_, fingerprint_of(records_.back())};
  drained_total_.add(records_.size());
  records_.clear();
  retry_ = {};
  trim(ctx);
  return was_full ? Step::kDone : Step::kCaughtUp;
}

void Drain::trim(Context& ctx) {
  auto trimmed = reservoir_.trim(ctx, *stored_);
  if (trimmed || ctx.is_cancelled()) return;
  // The next time it is tried again; until then files take space that could be free.
  if (auto held_back = trim_log_.pass(parts_.clock.now()))
    parts_.log.error("drain: could not let go of drained files",
                     {{"error", trimmed.error().describe()}, {"held_back", *held_back}});
}

Drain::Step Drain::failed(Context& ctx, const Error& error) {
  if (ctx.is_cancelled()) return Step::kFailed;  // our own end, not the store's failure
  failures_total_.with({to_string(error.code())}).add();
  if (auto held_back = failure_log_.pass(parts_.clock.now()))
    parts_.log.error("drain: the store does not take records; they stay in the reservoir",
                     {{"error", error.describe()}, {"held_back", *held_back}});
  return Step::kFailed;
}

void Drain::pause(Context& ctx) {
  retry_ = std::clamp(retry_ * 2, options_.retry_min, options_.retry_max);
  static_cast<void>(sleep(ctx, retry_));  // the caller looks at ctx
}

}  // namespace sluice::reservoir
