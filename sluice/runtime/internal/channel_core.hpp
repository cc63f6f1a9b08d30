// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/witness.hpp>

namespace sluice {
class Context;
}

namespace sluice::internal {

/// How to handle values whose type the channel's code does not know.
struct ElementOps {
  std::size_t size;
  std::align_val_t align;
  /// Moving is copying this many bytes (4, 8 or 16), and destroying nothing: not worth a call through a pointer. 0: it is.
  std::size_t plain_bytes;
  void (*move)(void* to, void* from) noexcept;  ///< constructs `to` from `*from`, which stays to be destroyed
  void (*destroy)(void* value) noexcept;
};

template <class T>
const ElementOps& element_ops() noexcept {
  static constexpr ElementOps kOps{
      sizeof(T), std::align_val_t(alignof(T)),
      std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16) ? sizeof(T) : 0,
      [](void* to, void* from) noexcept { ::new (to) T(std::move(*static_cast<T*>(from))); },
      [](void* value) noexcept { static_cast<T*>(value)->~T(); }};
  return kOps;
}

/// Chan<T> without T: one compiled body for all element types. Null ctx means the fiber's own context.
class ChannelCore {
 public:
  ChannelCore(std::size_t capacity, const ElementOps& ops);
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;
  ~ChannelCore();

  enum class Outcome : std::uint8_t {
    kDone,    ///< *value was moved from; a value was constructed in `room`
    kClosed,  ///< and empty: only recv
    kContextEnded,
  };
  [[nodiscard]] Outcome send(Context* ctx, void* value) noexcept;
  bool try_send(void* value) noexcept;
  [[nodiscard]] Outcome recv(Context* ctx, void* room) noexcept;
  bool try_recv(void* room) noexcept;
  void close();

  [[nodiscard]] std::size_t size_approx() const noexcept {
    return count_.load(std::memory_order_relaxed);  // relaxed: a number for people
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  friend class SelectRun;

  // Requires: lock_ held, which they release.
  [[gnu::noinline]] Outcome send_slowly(Context& follow, void* value) noexcept;
  [[gnu::noinline]] Outcome recv_slowly(Context& follow, void* room) noexcept;
  enum class Step { kDone, kClosed, kMustWait };
  /// `served`: whose fiber has to be made runnable after unlocking, if not null.
  Step send_unlocked(void* value, Waiter*& served) noexcept;
  Step recv_unlocked(void* room, Waiter*& served) noexcept;
  void* slot(std::size_t index) noexcept { return buffer_.get() + index * ops_.size; }
  void move(void* to, void* from) const noexcept;
  void push(void* value) noexcept;
  void pop(void* room) noexcept;

  struct FreeBuffer {
    std::align_val_t align;
    void operator()(std::byte* memory) const noexcept { ::operator delete(memory, align); }
  };

  const ElementOps& ops_;
  const std::size_t capacity_;
  BiasedLock lock_;
  bool closed_ = false;                // guarded by lock_
  std::size_t head_ = 0;               // guarded by lock_; where the oldest value is
  std::atomic<std::size_t> count_{0};  // written under lock_; read without by size_approx
  WaitQueue senders_;                  // guarded by lock_; not empty only while the buffer is full
  WaitQueue receivers_;                // guarded by lock_; not empty only while the buffer is empty
  std::unique_ptr<std::byte, FreeBuffer> buffer_;
  [[no_unique_address]] Witness closed_at_{"it was closed"};  // guarded by lock_
};

}  // namespace sluice::internal
