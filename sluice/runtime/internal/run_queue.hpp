// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::internal {

struct Fiber;

/// The runnable fibers of one processor: a ring with one owner, who adds at the tail and takes at the head, and thieves,
/// who take half of it from the head. The owner may also take back what it has added last; it says so in the word that holds
/// the head, so that a thief who has seen the old tail fails.
/// Threads: push, pop, pop_newest: the owner; steal_into: the owner of the *target*, any number at once; size_approx: any.
/// Source: Go's runq (proc.go: runqput, runqget, runqgrab). Unlike there the ring's size and its atomics are parameters, so
/// that a test can use four slots, and atomics that let it try every interleaving.
template <std::uint32_t Capacity, template <class> class Atomic = std::atomic>
class BasicRunQueue {
  static_assert((Capacity & (Capacity - 1)) == 0, "indices wrap by masking");

 public:
  static constexpr std::uint32_t kCapacity = Capacity;

  /// False: full. What the caller did is visible to whoever takes the fiber.
  bool push(Fiber* fiber) noexcept {
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed: only we write it
    // acquire: pairs with the thieves' release of front_; their reads of the slot we overwrite have happened.
    std::uint32_t head = front_.load(std::memory_order_acquire).head;
    if (tail - head >= Capacity) return false;
    ring_[tail % Capacity].store(fiber, std::memory_order_relaxed);  // relaxed: published by tail_ below
    // release: pairs with the acquire of tail_ in steal_into; the slot and the fiber are complete.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Null: empty.
  Fiber* pop() noexcept {
    Front front = front_.load(std::memory_order_acquire);  // acquire: as in push
    for (;;) {
      std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed: only we write it
      if (tail == front.head) return nullptr;
      Fiber* fiber = ring_[front.head % Capacity].load(std::memory_order_relaxed);  // relaxed: we wrote it ourselves
      // release: our read of the slot happens before a push that reuses it. acquire on failure: as above.
      if (front_.compare_exchange_weak(front, front.without(1), std::memory_order_release, std::memory_order_acquire))
        return fiber;
    }
  }

  /// The one that was pushed last. Null: empty. The only one leaves by the front: the head has not moved only while the
  /// oldest waits.
  Fiber* pop_newest() noexcept {
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed: only we write it
    Front front = front_.load(std::memory_order_acquire);        // acquire: as in push
    if (tail - front.head <= 1) return pop();
    Fiber* fiber = ring_[(tail - 1) % Capacity].load(std::memory_order_relaxed);  // relaxed: we wrote it ourselves
    tail_.store(tail - 1, std::memory_order_relaxed);  // relaxed: published by the exchange
    while (front.head != tail) {
      // release: who sees the new front sees the new tail; who has not, fails. acquire on failure: as above.
      if (front_.compare_exchange_weak(front, front.with_other_tail(), std::memory_order_release, std::memory_order_acquire))
        return fiber;
    }
    tail_.store(tail, std::memory_order_relaxed);  // relaxed: thieves have taken them all; there is nothing to publish
    return nullptr;
  }

  /// As pop and pop_newest, without a locked instruction. Requires: no thief at the same moment, by a lock.
  Fiber* pop_alone() noexcept {
    Front front = front_.load(std::memory_order_relaxed);  // relaxed, all three: the lock orders it
    if (front.head == tail_.load(std::memory_order_relaxed)) return nullptr;  // as above
    Fiber* fiber = ring_[front.head % Capacity].load(std::memory_order_relaxed);  // as above
    front_.store(front.without(1), std::memory_order_release);  // release: as in pop
    return fiber;
  }
  Fiber* pop_newest_alone() noexcept {
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed, all: the lock orders it
    Front front = front_.load(std::memory_order_relaxed);        // as above
    if (tail - front.head <= 1) return pop_alone();
    tail_.store(tail - 1, std::memory_order_relaxed);            // as above
    front_.store(front.with_other_tail(), std::memory_order_relaxed);  // as above
    return ring_[(tail - 1) % Capacity].load(std::memory_order_relaxed);  // as above
  }

  /// Takes up to room.size() from the front at once; how many those are. Threads: the owner.
  std::size_t pop_some(std::span<Fiber*> room) noexcept {
    Front front = front_.load(std::memory_order_acquire);  // acquire: as in push
    for (;;) {
      std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed: only we write it
      auto count = static_cast<std::uint32_t>(std::min<std::size_t>(tail - front.head, room.size()));
      // relaxed: we wrote them ourselves.
      for (std::uint32_t i = 0; i < count; ++i)
        room[i] = ring_[(front.head + i) % Capacity].load(std::memory_order_relaxed);
      // release, acquire: as in pop.
      if (front_.compare_exchange_weak(front, front.without(count), std::memory_order_release, std::memory_order_acquire))
        return count;
    }
  }

  /// The one that `ahead` others will be popped before, null if there are not so many; a thief may have it by now.
  /// Threads: the owner.
  [[nodiscard]] Fiber* peek(std::uint32_t ahead) const noexcept {
    std::uint32_t head = front_.load(std::memory_order_relaxed).head;  // relaxed, here and below: a hint
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head <= ahead || tail - head > Capacity) return nullptr;
    return ring_[(head + ahead) % Capacity].load(std::memory_order_relaxed);  // relaxed: as above
  }

  /// Moves half of what is here (rounded up) to `target`, and returns the last one moved instead of queueing it; null if
  /// there was nothing. Requires: target is empty and belongs to the caller.
  Fiber* steal_into(BasicRunQueue& target) noexcept {
    std::uint32_t target_tail = target.tail_.load(std::memory_order_relaxed);  // relaxed: only its owner, we, write it
    for (;;) {
      Front front = front_.load(std::memory_order_acquire);  // acquire: with other thieves' and the owner's release
      std::uint32_t tail = tail_.load(std::memory_order_acquire);  // acquire: with the owner's release in push
      std::uint32_t count = tail - front.head;
      // Below zero: there was one, its owner was taking it back and came too late, and has not corrected the tail yet.
      if (count == 0 || count > std::uint32_t{1} << 31) return nullptr;
      count -= count / 2;
      if (count > Capacity / 2) continue;  // head and tail are of different moments
      for (std::uint32_t i = 0; i < count; ++i) {
        // relaxed: tail_'s acquire has published the slots; if they change under us the exchange below fails.
        Fiber* fiber = ring_[(front.head + i) % Capacity].load(std::memory_order_relaxed);
        target.ring_[(target_tail + i) % Capacity].store(fiber, std::memory_order_relaxed);
      }
      // release: our reads of the slots happen before a push that reuses them; pairs with the acquire in push.
      if (!front_.compare_exchange_strong(front, front.without(count), std::memory_order_release, std::memory_order_relaxed))
        continue;
      Fiber* last = target.ring_[(target_tail + count - 1) % Capacity].load(std::memory_order_relaxed);  // ours
      // release: as in push.
      if (count > 1) target.tail_.store(target_tail + count - 1, std::memory_order_release);
      return last;
    }
  }

  [[nodiscard]] std::uint32_t size_approx() const noexcept {
    std::uint32_t head = front_.load(std::memory_order_relaxed).head;  // relaxed: a guess, checked by whoever acts on it
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    return tail - head > Capacity ? 0 : tail - head;
  }

  /// The one that pop_newest would return, as peek.
  [[nodiscard]] Fiber* peek_newest() const noexcept {
    std::uint32_t tail = tail_.load(std::memory_order_relaxed);  // relaxed, here and below: a hint
    if (front_.load(std::memory_order_relaxed).head == tail) return nullptr;
    return ring_[(tail - 1) % Capacity].load(std::memory_order_relaxed);
  }
  /// Threads: the owner.
  [[nodiscard]] std::uint32_t count_popped() const noexcept {
    return front_.load(std::memory_order_relaxed).head;  // relaxed: a hint
  }

  /// What is queued now, for still_waiting_approx.
  struct Mark {
    std::uint32_t head = 0, take_backs = 0, tail = 0;
  };
  [[nodiscard]] Mark mark() const noexcept {
    Front front = front_.load(std::memory_order_relaxed);  // relaxed, both: as in size_approx
    return {front.head, front.take_backs, tail_.load(std::memory_order_relaxed)};
  }
  /// How many of those that were queued at the mark still are, or fewer: where the owner takes the newest, those of now
  /// while the oldest is the same. Any number if the mark is two thousand million pushes old.
  [[nodiscard]] std::uint32_t still_waiting_approx(Mark mark) const noexcept {
    Front front = front_.load(std::memory_order_relaxed);  // relaxed: as in size_approx
    if (front.take_backs != mark.take_backs) return front.head == mark.head ? size_approx() : 0;
    std::uint32_t left = mark.tail - front.head;
    return left > Capacity ? 0 : left;  // head is past the mark
  }

 private:
  // Trivial, for tests copy it as bytes.
  struct Front {
    std::uint32_t head;
    std::uint32_t take_backs;  // how often the tail went back

    [[nodiscard]] Front without(std::uint32_t count) const noexcept { return {head + count, take_backs}; }
    [[nodiscard]] Front with_other_tail() const noexcept { return {head, take_backs + 1}; }
  };

  alignas(64) Atomic<Front> front_{Front{}};   // written by all; publishes that slots below the head are free
  alignas(64) Atomic<std::uint32_t> tail_{0};  // written by the owner; publishes the slots below it
  std::array<Atomic<Fiber*>, Capacity> ring_{};
};

/// As in Go: enough that bursts stay local, little enough to move half of it quickly.
using RunQueue = BasicRunQueue<256>;

}  // namespace sluice::internal
