// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include <sluice/runtime/mutex.hpp>

namespace sluice {

/// Runs a function at most once, whoever comes first; everybody returns after it has ended.
/// If it throws, it counts as run, as in Go. Threads: fibers only. What it did is visible to every caller.
class Once {
 public:
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
