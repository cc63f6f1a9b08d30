// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include <sluice/runtime/lock_rank.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice {

/// Runs a function at most once, whoever comes first; everybody returns after it has ended.
///
///   loaded_.call([&] { table_ = load(); });
///
/// If it throws, it counts as run, as in Go. It must not call the same Once: that would wait for itself.
/// Threads: fibers only. What it did is visible to every caller afterwards. Lifetime: outlives all calls.
/// Source: Go's sync.Once.
class Once {
 public:
  /// fn() may lock what comes after this rank (lock_rank.hpp), without one nothing: others wait for it with what they hold.
  explicit Once(LockRank rank = LockRank::kLeaf) noexcept : mutex_(rank) {}
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  /// Calls fn() if nobody has begun to; parks while another fiber does. That wait follows no context, as Mutex::lock: for
  /// what takes long, or may fail, use Singleflight and keep the answer.
  template <class F>
  void call(F&& fn) {
    // acquire: pairs with the release below; whoever skips the mutex still sees what fn did.
    if (done_.load(std::memory_order_acquire)) return;
    std::lock_guard hold(mutex_);
    if (done_.load(std::memory_order_relaxed)) return;  // relaxed: written under mutex_ only
    struct Mark {
      std::atomic<bool>& done;
      // release: pairs with the acquire above.
      ~Mark() { done.store(true, std::memory_order_release); }
    } mark{done_};
    std::forward<F>(fn)();
  }

 private:
  std::atomic<bool> done_{false};  // written once, under mutex_; publishes what fn did
  Mutex mutex_;
};

}  // namespace sluice
