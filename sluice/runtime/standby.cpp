// SPDX-License-Identifier: MIT
#include <sluice/runtime/standby.hpp>

#include <mutex>
#include <new>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/spawn.hpp>
#include <sluice/runtime/internal/start_timer.hpp>

namespace sluice {

// The closure of its fiber.
struct Standby::Waking {
  Standby* standby;
  Cause cause;
  Instant woken;

  static void run(void* closure) noexcept {
    auto [standby, cause, woken] = *static_cast<Waking*>(closure);
    internal::TimerWheel::stop(*standby);
    standby->on_wake(cause, woken);
  }
};

Standby::Standby(Context& stop, std::source_location where) : stop_(stop), where_(where) {
  fire = [](internal::Timer* self) noexcept { static_cast<Standby*>(self)->wake(Cause::kDeadline); };
  stop_node_.standby = this;
  // At either step: the second one comes only if somebody else, before us in the list, had to wait for it. Called twice, we
  // look once more in vain.
  stop_node_.on_cancel = [](internal::Cancellable* self, internal::Cancellable::Step step) noexcept {
    if (step != internal::Cancellable::Step::kMark) static_cast<Stop*>(self)->standby->call();
    return true;
  };
  follows_stop_ = stop.subscribe(stop_node_);
  if (!follows_stop_) call();
}

Standby::~Standby() {
  if (follows_stop_) stop_.unsubscribe(stop_node_);
  SLUICE_ASSERT(word_.is_awake(), "a standby that waits belongs to who will wake it");
}

bool Standby::begin() noexcept { return word_.begin(); }

bool Standby::commit(Deadline until) noexcept {
  internal::Processor& p = internal::Scheduler::processor();
  bool is_early = word_.is_woken_early();  // then it needs no timer
  if (!is_early && !until.is_never()) internal::start_timer(*this, until);
  internal::bump(p.standbys_begun);
  if (!is_early && word_.commit()) return true;  // its fiber may be running
  internal::bump(p.standbys_ended);
  internal::TimerWheel::stop(*this);
  word_.settle();
  return false;
}

void Standby::call() noexcept { wake(Cause::kCall); }

bool Standby::wake(Cause cause) noexcept {
  auto [is_news, fiber] = claim(cause);
  if (fiber != nullptr) internal::Scheduler::running().make_ready_behind(*fiber);
  return is_news;
}

Standby::Claim Standby::claim(Cause cause) noexcept {
  using Outcome = internal::StandbyWord::Claim;
  Outcome outcome = word_.claim(cause == Cause::kCall);
  if (outcome != Outcome::kWon) return {outcome == Outcome::kNoted, nullptr};
  return {true, internal::Scheduler::running().make_fiber(*this, cause)};
}

// Null: there is none to be had here and now. Requires: ours, by the claim; in a thread that has a processor.
internal::Fiber* Standby::make_fiber(Cause cause) noexcept {
  auto [fiber, memory] = internal::make_fiber(sizeof(Waking), alignof(Waking), &internal::root_context(), where_);
  if (fiber == nullptr) return nullptr;
  ::new (memory) Waking{this, cause, internal::Scheduler::running().rough_now()};
  fiber->entry = &Waking::run;
  fiber->keeps_its_turn.store(true, std::memory_order_relaxed);  // relaxed: published with the fiber
  internal::bump(internal::Scheduler::processor().standbys_ended);
  return fiber;
}

namespace internal {

// ---- those for whom there was no fiber ----

Fiber* Scheduler::make_fiber(Standby& standby, Standby::Cause cause) noexcept {
  if (current_processor() != nullptr)
    if (Fiber* fiber = standby.make_fiber(cause)) return fiber;
  {
    std::lock_guard hold(starved_lock_);
    standby.cause_ = cause;
    standby.next_starved_ = std::exchange(starved_, &standby);
    // seq_cst, as the sleeper's look in sleep(): either it sees this, or we see that it sleeps.
    starved_count_.fetch_add(1);
  }
  wake_one_processor();
  return nullptr;
}

// Fibers have ended meanwhile, or this thread, unlike the one that woke them, has a processor.
[[gnu::cold]] void Scheduler::feed_starved() noexcept {
  for (;;) {
    Standby* standby = nullptr;
    {
      std::lock_guard hold(starved_lock_);
      standby = starved_;
      if (standby == nullptr) return;
      starved_ = standby->next_starved_;
      starved_count_.fetch_sub(1);
    }
    Fiber* fiber = make_fiber(*standby, standby->cause_);
    if (fiber == nullptr) return;  // it is in the list again
    make_ready_behind(*fiber);
  }
}

}  // namespace internal
}  // namespace sluice
