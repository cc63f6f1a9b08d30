// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/biased_lock.hpp>

#include <chrono>
#include <thread>

#include <sluice/runtime/internal/backoff.hpp>

namespace sluice::internal {
namespace {

// Some microseconds: far longer than our longest section, about as long as a trip through the kernel.
constexpr int kSpins = 100;
// A holder without a processor gets it back within some time slices of the kernel; ours is free for it meanwhile.
constexpr std::chrono::microseconds kNap{50};
// Each may cost 8 µs, and interrupts the others: at a thousand a second that is below one part in a hundred.
constexpr std::int32_t kBudget = 100;
constexpr std::int32_t kRefill = 10;  // at each of sysmon's looks, 10 ms apart

// Privileges that may still be taken away. Written by who takes one and by sysmon; publishes nothing.
std::atomic<std::int32_t> budget{kBudget};

}  // namespace

BiasedLock::BiasedLock() noexcept
    // relaxed: a hint.
    : lock_(budget.load(std::memory_order_relaxed) > 0 && AsymmetricFence::is_light() ? current_processor() : nullptr) {}

void BiasedLock::lock_as_stranger() noexcept {
  Backoff backoff;
  auto wait = [&]() noexcept {
    if (!backoff.pause(kSpins)) std::this_thread::sleep_for(kNap);
  };
  bool takes_privilege = lock_.has_owner();
  while (!lock_.looks_free() || !lock_.try_lock_as_stranger(wait)) wait();
  if (takes_privilege) budget.fetch_sub(1, std::memory_order_relaxed);  // relaxed: a hint
}

void BiasedLock::refill_budget() noexcept {
  std::int32_t left = budget.load(std::memory_order_relaxed);  // relaxed, here and below: a hint
  if (left < kBudget) budget.fetch_add(std::min(kRefill, kBudget - left), std::memory_order_relaxed);
}

}  // namespace sluice::internal
