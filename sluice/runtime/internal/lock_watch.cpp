// SPDX-License-Identifier: MIT
//
// What fibers hold stands in a table beside them, by the fiber's number: a fiber's block has no room for a list, and is
// given to another fiber when it ends. Few hold anything at a time, so the parts of the table are short and are searched.
// Rejected: learning the order from what is done, as Linux's lockdep does. It needs no table of ranks, but nobody can read
// the order there, and which of two orders is the wrong one depends on which was seen first.
#include <sluice/runtime/internal/lock_watch.hpp>

#include <array>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sluice/runtime/internal/failure_report.hpp>

namespace sluice::internal {
namespace {

struct Held {
  std::uint64_t fiber_id;
  const FiberLockWatch* lock;
  LockRank rank;
  Hold how;
  StackWitness taken{"it was locked"};
};

/// Everything that fibers hold.
class HeldLocks {
 public:
  // Never destroyed: threads may still run when the process ends.
  static HeldLocks& all() {
    static auto& only = *new HeldLocks;
    return only;
  }

  void add(const Held& held) {
    Part& part = part_of(held.fiber_id);
    std::lock_guard hold(part.lock);
    part.held.push_back(held);
  }

  template <class Predicate>
  bool remove(std::uint64_t fiber_id, Predicate is_it) {
    Part& part = part_of(fiber_id);
    std::lock_guard hold(part.lock);
    for (auto it = part.held.begin(); it != part.held.end(); ++it) {
      if (it->fiber_id != fiber_id || !is_it(*it)) continue;
      part.held.erase(it);
      return true;
    }
    return false;
  }

  void clear() {
    for (Part& part : parts_) {
      std::lock_guard hold(part.lock);
      part.held.clear();
    }
  }

  /// A copy: the entry itself may go when its fiber goes on.
  template <class Predicate>
  std::optional<Held> find(std::uint64_t fiber_id, Predicate is_it) {
    return find_in(part_of(fiber_id), [&](const Held& held) { return held.fiber_id == fiber_id && is_it(held); });
  }
  template <class Predicate>
  std::optional<Held> find_anywhere(Predicate is_it) {
    for (Part& part : parts_)
      if (auto found = find_in(part, is_it)) return found;
    return std::nullopt;
  }

 private:
  struct alignas(64) Part {
    SpinLock lock;
    std::vector<Held> held;  // guarded by lock
  };

  Part& part_of(std::uint64_t fiber_id) { return parts_[fiber_id % parts_.size()]; }

  template <class Predicate>
  static std::optional<Held> find_in(Part& part, Predicate is_it) {
    std::lock_guard hold(part.lock);
    for (const Held& held : part.held)
      if (is_it(held)) return held;
    return std::nullopt;
  }

  std::array<Part, 64> parts_;  // so that the fibers of some processors seldom want the same one
};

struct WrongOrder {
  const Held& held;
  LockRank wanted;
};

std::string text_of(LockRank rank) {
  std::string number = std::to_string(static_cast<unsigned>(rank));
  return to_string(rank).empty() ? number : std::string(to_string(rank)) + " (" + number + ")";
}

void write_wrong_order(const void* subject) noexcept {
  const WrongOrder& wrong = *static_cast<const WrongOrder*>(subject);
  std::string ranks = "  rank " + text_of(wrong.held.rank) + " is held, rank " + text_of(wrong.wanted) + " is wanted\n";
  std::fputs(ranks.c_str(), stderr);
  wrong.held.taken.write();
}

}  // namespace

FiberLockWatch::~FiberLockWatch() {
  auto held = HeldLocks::all().find(this_fiber_id(), [&](const Held& each) { return each.lock == this; });
  SLUICE_ASSERT(!held, "a mutex is not destroyed while it is locked", held->taken.earlier());
}

void FiberLockWatch::wants() const noexcept {
  std::uint64_t self = this_fiber_id();
  if (self == 0) return;
  HeldLocks& all = HeldLocks::all();
  auto same = all.find(self, [&](const Held& held) { return held.lock == this; });
  SLUICE_ASSERT(!same, "a fiber does not lock what it has locked: it would wait for itself", same->taken.earlier());
  auto inner = all.find(self, [&](const Held& held) { return held.rank >= rank_; });
  if (!inner) return;
  WrongOrder wrong{*inner, rank_};
  SLUICE_ASSERT(inner->rank < rank_, "locks are taken in the order of their ranks, see lock_rank.hpp",
                Earlier{&write_wrong_order, &wrong});
}

void FiberLockWatch::has_taken(Hold how) noexcept {
  std::uint64_t self = this_fiber_id();
  if (self == 0) return;
  Held held{self, this, rank_, how};
  held.taken.remember();
  HeldLocks::all().add(held);
}

void FiberLockWatch::gives_back(Hold how) noexcept {
  HeldLocks& all = HeldLocks::all();
  auto is_it = [&](const Held& held) { return held.lock == this && held.how == how; };
  std::uint64_t self = this_fiber_id();
  if (self != 0 && !all.remove(self, is_it)) {
    auto other = all.find_anywhere(is_it);
    SLUICE_ASSERT(!other, "a mutex is unlocked by its holder, and not by another fiber", other->taken.earlier());
    return;
  }
  std::lock_guard hold(lock_);
  given_back_.remember();
}

Earlier FiberLockWatch::past() const noexcept {
  auto write = [](const void* subject) noexcept {
    const auto& self = *static_cast<const FiberLockWatch*>(subject);
    auto held = HeldLocks::all().find_anywhere([&](const Held& each) { return each.lock == &self; });
    if (held) held->taken.write();
    self.given_back_.write();
  };
  return {write, this};
}

void expect_no_lock_held() noexcept {
  auto held = HeldLocks::all().find(this_fiber_id(), [](const Held&) { return true; });
  SLUICE_ASSERT(!held, "a fiber unlocks what it has locked before it ends", held->taken.earlier());
}

void forget_held_locks() noexcept { HeldLocks::all().clear(); }

}  // namespace sluice::internal
