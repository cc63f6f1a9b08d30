// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/wait_queue.hpp>

#include <mutex>

#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {

Waiter* WaitQueue::claim_front(Wakeups& wakeups) noexcept {
  while (!waiters_.is_empty())
    if (Waiter* claimed = claim_first(wakeups)) return claimed;
  return nullptr;
}

Waiter* WaitQueue::claim_first(Wakeups& wakeups) noexcept {
  Waiter* waiter = waiters_.pop_front();
  Claim claim = waiter->fiber->claim(reinterpret_cast<std::uintptr_t>(waiter));
  if (claim == Claim::kParked) wakeups.add(waiter->fiber);
  return claim == Claim::kLost ? nullptr : waiter;
}

void Wakeups::add(Fiber* fiber) noexcept {
  fiber->next = nullptr;
  (last_ ? last_->next : first_) = fiber;
  last_ = fiber;
}

void Wakeups::run() noexcept {
  Fiber* fiber = first_;
  first_ = last_ = nullptr;
  if (fiber == nullptr) return;
  Scheduler& scheduler = Scheduler::running();
  if (fiber->next == nullptr) return scheduler.make_ready(*fiber);
  while (fiber != nullptr) {
    Fiber* next = fiber->next;  // read first: once ready, the fiber may run, end and be somebody else
    scheduler.make_ready_behind(*fiber);
    fiber = next;
  }
}

bool wait_in_queue(WaitQueue& queue, Waiter& waiter, WordLock& lock, ParkReason reason, Context* ctx) {
  Wait wait(ctx);
  std::uintptr_t token = Fiber::kContextEndedToken;
  if (wait.may_park()) {
    token = wait.park(reason, [](void* held) noexcept { static_cast<WordLock*>(held)->unlock(); }, &lock);
    if (token == reinterpret_cast<std::uintptr_t>(&waiter)) return true;
    lock.lock();
  }
  if (waiter.is_linked()) queue.remove(waiter);
  lock.unlock();
  return false;
}

}  // namespace sluice::internal
