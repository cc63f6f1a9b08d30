// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <sluice/runtime/mutex.hpp>

namespace sluice::http::internal {

/// Input buffers that no connection needs at the moment; the one put back last is taken first, for it is in the cache. A
/// connection needs one for each stretch of requests, which under load is each request.
/// Rejected: an array on the fiber's stack, with which 800 slow clients took more than 20 KiB each (tests/promises/03).
/// Threads: any fiber; never waits: who finds it locked goes to the allocator.
class InputShelf {
 public:
  using Buffer = std::unique_ptr<std::byte[]>;

  explicit InputShelf(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  [[nodiscard]] Buffer take() {
    if (mutex_.try_lock()) {
      std::lock_guard hold(mutex_, std::adopt_lock);
      if (!kept_.empty()) {
        Buffer last = std::move(kept_.back());
        kept_.pop_back();
        return last;
      }
    }
    return std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
  }
  void put(Buffer buffer) {
    if (!mutex_.try_lock()) return;
    std::lock_guard hold(mutex_, std::adopt_lock);
    if (kept_.size() < kKeptMax) kept_.push_back(std::move(buffer));
  }

 private:
  // As many as have a request under way at the same time on a busy server; of each some pages are in memory.
  static constexpr std::size_t kKeptMax = 128;

  const std::size_t buffer_bytes_;
  Mutex mutex_;
  std::vector<Buffer> kept_;  // guarded by mutex_
};

}  // namespace sluice::http::internal
