// SPDX-License-Identifier: MIT
//
// A timer's instant is a number: nanoseconds, nine digits in base 256 (the last one in base 16). So is the instant that the
// wheel has reached. The highest digit in which the two differ is the timer's level, and its value there is its slot:
//
//   reached   0 … 0   3  17 220  5
//   timer A   0 … 0   3  17 220  9     level 0, slot 9: due within 16 ns; each slot is one nanosecond
//   timer B   0 … 0   3  60   1  2     level 2, slot 60: with others of the same 4 µs
//   timer C   0 … 0   7   0   0  0     level 3, slot 7: with others of the same millisecond
//
// Hence all of a lower level are sooner than all of a higher one, and within a level the slots are in order: the first slot
// of the lowest level in use holds the soonest timers. When the soonest of them is due, `reached` becomes its instant and the
// slot is opened: each timer in it agrees with `reached` in one digit more now, at least, and comes down to where it
// belongs. What has come down to level 0 fires when its slot is the first; so does, from any level, what is alone in there.
//
// Lists are in the order of add(), and stay so: two timers of one instant are always in the same slot; coming down goes from
// the last to the first, each put before those that have come down already or were added meanwhile. That may take several
// batches; until all have left it, the opened slot is the first.
//
// With 100,000 timers, each on its fiber's stack, what costs is not the steps but to wait for memory: the first of them
// that touches a timer after milliseconds finds neither it nor its page in a cache, and a list tells where the next one is
// only when this one has come. So add() gives each timer the address of one that was added to the slot a little before, and
// coming down, which meets that one a little later, asks for it in time: else timers cost a sleep three times as much.
//
// Source: G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, with the levels chosen as a radix heap
// chooses its buckets: R. Ahuja, K. Mehlhorn, J. Orlin, R. Tarjan, JACM 1990. Unlike in the former there is no tick: an idle
// processor is not woken to turn a wheel, and instants are not rounded.
// Rejected: a heap (what is started to be due before the others, as a timeout is, moves through all its levels twice, and
// each step writes to a timer on another stack); 64 slots a level (a sleep of 30 ms comes down from two slots whose
// timers have left the cache, in place of one); a wheel of milliseconds with a heap for the current one (an allocation, and
// a flood at one instant is a heap's worst case); firing late rather than coming down (Linux since 4.8: rounds by an eighth).
#include <sluice/runtime/internal/timer_wheel.hpp>

#include <algorithm>
#include <bit>
#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::internal {
namespace {

constexpr std::int64_t nanoseconds(Instant instant) noexcept { return instant.time_since_epoch().count(); }

}  // namespace

TimerWheel::~TimerWheel() {
  for (Slot& slot : slots_)
    while (slot.timers.pop_front() != nullptr) {}
}

void TimerWheel::add(Timer& timer, Instant when) noexcept {
  if (owner_ != nullptr && current_processor() == owner_) {
    lock_.lock_and_keep(*owner_);
  } else {
    lock_.lock();
  }
  std::lock_guard hold(lock_, std::adopt_lock);
  SLUICE_ASSERT(timer.wheel == nullptr, "a timer is started once at a time");
  timer.when = when;
  timer.wheel = this;
  Slot& slot = place(timer);
  slot.timers.push_back(timer);
  timer.ahead = std::exchange(slot.recent[slot.turn++ % Slot::kAhead], &timer);
  if (slot.soonest_ns < nanoseconds(next_approx())) publish_next(slot.soonest_ns);
}

void TimerWheel::stop(Timer& timer) noexcept {
  TimerWheel* wheel = timer.wheel;
  if (wheel == nullptr) return;
  std::lock_guard hold(wheel->lock_);
  timer.wheel = nullptr;
  if (!timer.is_linked()) return;  // it has fired
  Slot& slot = wheel->slots_[timer.slot];
  slot.timers.remove(timer);
  if (slot.timers.is_empty()) wheel->leave(timer.slot);
}

std::size_t TimerWheel::fire_due(Instant now) noexcept {
  std::size_t fired = 0;
  while (next_approx() <= now) {
    std::lock_guard hold(lock_);
    if (words_in_use_ == 0) break;  // next_approx() was old, or this is the end of time
    fired += fire_batch(now);
  }
  return fired;
}

std::size_t TimerWheel::fire_batch(Instant now) noexcept {
  std::size_t fired = 0;
  for (int step = 0; step < kBatch && words_in_use_ != 0 && next_approx() <= now; ++step) {
    std::uint16_t first = first_slot();
    Slot& slot = slots_[first];
    reached_ns_ = slot.soonest_ns;
    if (first < kSlots || is_alone_and_due(first, now)) {
      Timer& due = *slot.timers.pop_front();
      reached_ns_ = std::max(reached_ns_, nanoseconds(due.when));
      due.fire(&due);  // its user cannot free it before we unlock: stop() waits for the lock
      ++fired;
    } else {
      opened_ = first;
      Timer& timer = *slot.timers.pop_back();
      __builtin_prefetch(timer.ahead, 1);
      place(timer).timers.push_front(timer);
    }
    if (slot.timers.is_empty()) leave(first);
  }
  return fired;
}

// Nothing is sooner than a timer that has the first slot to itself: it need not come down, as long as none has from there.
bool TimerWheel::is_alone_and_due(std::uint16_t first, Instant now) const noexcept {
  const IntrusiveList<Timer>& timers = slots_[first].timers;
  return opened_ == kNone && timers.after(*timers.front()) == nullptr && timers.front()->when <= now;
}

// The slot in which a timer belongs. It counts as occupied from now on.
TimerWheel::Slot& TimerWheel::place(Timer& timer) noexcept {
  std::int64_t when_ns = std::max(nanoseconds(timer.when), reached_ns_);
  auto digits = static_cast<std::uint64_t>(when_ns);
  std::uint64_t difference = digits ^ static_cast<std::uint64_t>(reached_ns_);
  constexpr std::size_t kShortBy = kDigitBits - kLastDigitBits;
  std::size_t highest_bit = static_cast<std::size_t>(std::bit_width(difference | 1)) - 1;
  std::size_t level = (highest_bit + kShortBy) / kDigitBits;
  std::size_t digit = (level == 0 ? digits : digits >> (level * kDigitBits - kShortBy)) % kSlots;
  timer.slot = static_cast<std::uint16_t>(level * kSlots + digit);

  std::size_t word = timer.slot / 64;
  occupied_[word] |= std::uint64_t{1} << timer.slot % 64;
  words_in_use_ |= std::uint64_t{1} << word;
  Slot& slot = slots_[timer.slot];
  slot.soonest_ns = slot.timers.is_empty() ? when_ns : std::min(slot.soonest_ns, when_ns);
  return slot;
}

// It has become empty.
void TimerWheel::leave(std::uint16_t slot) noexcept {
  std::size_t word = slot / 64;
  occupied_[word] &= ~(std::uint64_t{1} << slot % 64);
  if (occupied_[word] == 0) words_in_use_ &= ~(std::uint64_t{1} << word);
  if (slot == opened_) opened_ = kNone;
  publish_next(words_in_use_ == 0 ? nanoseconds(Instant::max()) : slots_[first_slot()].soonest_ns);
}

// The one of the soonest timers. Requires: there are timers.
std::uint16_t TimerWheel::first_slot() const noexcept {
  if (opened_ != kNone) return opened_;
  auto word = static_cast<std::size_t>(std::countr_zero(words_in_use_));
  return static_cast<std::uint16_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(occupied_[word])));
}

void TimerWheel::publish_next(std::int64_t next_ns) noexcept {
  next_ns_.store(next_ns, std::memory_order_relaxed);  // relaxed: see next_approx
}

}  // namespace sluice::internal
