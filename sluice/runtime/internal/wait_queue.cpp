// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/wait_queue.hpp>

#include <utility>

#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {
namespace {
constexpr int kCrowd = 64;  // a fifth of the nearest cache
}

Waiter* WaitQueue::claim_any() noexcept {
  while (Waiter* waiter = waiters_.pop_front())
    if (waiter->fiber->claim(reinterpret_cast<std::uintptr_t>(waiter))) return waiter;
  return nullptr;
}

Waiter* WaitQueue::claim_front(Wakeups& wakeups) noexcept {
  Waiter* waiter = claim_front();
  if (waiter != nullptr) wakeups.add(waiter->fiber);
  return waiter;
}

Waiter* WaitQueue::claim_first(Wakeups& wakeups) noexcept {
  Waiter* waiter = waiters_.pop_front();
  if (!waiter->fiber->claim(reinterpret_cast<std::uintptr_t>(waiter))) return nullptr;
  wakeups.add(waiter->fiber);
  return waiter;
}

void Wakeups::add(Fiber* fiber) noexcept {
  fiber->next = nullptr;
  (last_ ? last_->next : first_) = fiber;
  last_ = fiber;
  if (++count_ == kCrowd) run();
}

void Wakeups::run() noexcept {
  Fiber* fiber = first_;
  first_ = last_ = nullptr;
  if (fiber == nullptr) return;
  Scheduler& scheduler = Scheduler::running();
  if (std::exchange(count_, 0) == 1) return scheduler.make_ready(*fiber);
  while (fiber != nullptr) {
    Fiber* next = fiber->next;  // read first: once ready, the fiber may run, end and be somebody else
    scheduler.make_ready_behind(*fiber);
    fiber = next;
  }
}

}  // namespace sluice::internal
