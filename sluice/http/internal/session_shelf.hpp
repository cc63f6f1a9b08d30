// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/http/request.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice::http::internal {

/// What a connection needs while it has something to do, and only then. A stretch of requests leaves it empty, but of a size
/// that has proved useful.
struct SessionMemory {
  // Room for usual replies, in a piece that the allocator hands out fastest (glibc keeps up to 1032 bytes a thread).
  static constexpr std::size_t kUsualReplyBytes = 1000;

  explicit SessionMemory(std::size_t input_bytes) : input(input_bytes) { output.reserve(kUsualReplyBytes); }

  InputBuffer input;
  std::string output;  // replies that have not been written yet
  Request request;
};

/// The memory that no connection needs at the moment; what was put back last is taken first, for it is in the cache. Under
/// load a connection needs it for each request.
/// Rejected: the input as an array on the fiber's stack, with which 800 slow clients took more than 20 KiB each
/// (tests/promises/03).
/// Threads: any fiber; never waits: who finds it locked goes to the allocator.
class SessionShelf {
 public:
  explicit SessionShelf(std::size_t input_bytes) : input_bytes_(input_bytes) {}

  [[nodiscard]] std::unique_ptr<SessionMemory> take() {
    if (mutex_.try_lock()) {
      std::lock_guard hold(mutex_, std::adopt_lock);
      if (!kept_.empty()) {
        auto last = std::move(kept_.back());
        kept_.pop_back();
        return last;
      }
    }
    return std::make_unique<SessionMemory>(input_bytes_);
  }
  /// Requires: the request is cleared.
  void put(std::unique_ptr<SessionMemory> memory) {
    memory->input.consume(memory->input.view().size());
    memory->output.clear();
    // One large head or reply should not cost memory for ever.
    bool is_usual = memory->output.capacity() <= kKeptBytesMax && memory->request.kept_bytes() <= kKeptBytesMax;
    if (!is_usual || !mutex_.try_lock()) return;
    std::lock_guard hold(mutex_, std::adopt_lock);
    if (kept_.size() < kKeptMax) kept_.push_back(std::move(memory));
  }

 private:
  // As many as have a request under way at the same time on a busy server; of each some pages are in memory.
  static constexpr std::size_t kKeptMax = 128;
  static constexpr std::size_t kKeptBytesMax = 4096;

  const std::size_t input_bytes_;
  Mutex mutex_;
  std::vector<std::unique_ptr<SessionMemory>> kept_;  // guarded by mutex_
};

}  // namespace sluice::http::internal
