// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/timer_heap.hpp>

#include <algorithm>
#include <mutex>

#include <sluice/base/assert.hpp>

namespace sluice::internal {
namespace {
constexpr std::size_t kChildren = 4;
}

void TimerHeap::add(Timer& timer, Instant when) {
  std::lock_guard hold(lock_);
  SLUICE_ASSERT(timer.heap == nullptr, "a timer is started once at a time");
  timer.when = when;
  timer.heap = this;
  heap_.push_back(&timer);
  timer.index = heap_.size() - 1;
  sift_up(timer.index);
  publish_next();
}

std::size_t TimerHeap::fire_due(Instant now) noexcept {
  if (next_approx() > now) return 0;
  std::lock_guard hold(lock_);
  std::size_t fired = 0;
  while (!heap_.empty() && heap_.front()->when <= now) {
    Timer& due = *heap_.front();
    heap_.front() = heap_.back();
    heap_.front()->index = 0;
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0);
    due.index = kFired;
    due.fire(&due);  // its user cannot free it before we unlock: stop() waits for the lock
    ++fired;
  }
  publish_next();
  return fired;
}

void TimerHeap::stop(Timer& timer) noexcept {
  TimerHeap* heap = timer.heap;
  if (heap == nullptr) return;
  std::lock_guard hold(heap->lock_);
  if (timer.index != kFired) heap->remove_unlocked(timer);
  timer.heap = nullptr;
}

void TimerHeap::remove_unlocked(Timer& timer) noexcept {
  std::size_t index = timer.index;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last != &timer) {
    place(index, last);
    sift_up(index);
    sift_down(last->index);
  }
  if (index == 0) publish_next();
}

void TimerHeap::sift_up(std::size_t index) noexcept {
  Timer* timer = heap_[index];
  while (index > 0) {
    std::size_t parent = (index - 1) / kChildren;
    if (heap_[parent]->when <= timer->when) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void TimerHeap::sift_down(std::size_t index) noexcept {
  Timer* timer = heap_[index];
  for (;;) {
    std::size_t first = index * kChildren + 1;
    if (first >= heap_.size()) break;
    std::size_t soonest = first;
    std::size_t end = std::min(first + kChildren, heap_.size());
    for (std::size_t child = first + 1; child < end; ++child)
      if (heap_[child]->when < heap_[soonest]->when) soonest = child;
    if (timer->when <= heap_[soonest]->when) break;
    place(index, heap_[soonest]);
    index = soonest;
  }
  place(index, timer);
}

void TimerHeap::place(std::size_t index, Timer* timer) noexcept {
  heap_[index] = timer;
  timer->index = index;
}

void TimerHeap::publish_next() noexcept {
  Instant next = heap_.empty() ? Instant::max() : heap_.front()->when;
  next_ns_.store(next.time_since_epoch().count(), std::memory_order_relaxed);  // relaxed: see next_approx
}

}  // namespace sluice::internal
