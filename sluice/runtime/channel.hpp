// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/channel_core.hpp>

namespace sluice {

/// Fibers share by sending. A channel hands values over in order, holds at most `capacity` of them in between, and makes
/// the faster side wait for the slower one: the bound is the back-pressure.
///
///   Chan<int> jobs{100};
///   jobs.send(7);                        // parks while 100 wait
///   for (int job : jobs) work(job);      // until closed and empty
///
/// Capacity 0: sender and receiver meet. Waiters are served first come, first served.
/// Values are moved, and destroyed once moved from, under a spin lock: neither of theirs may use the runtime (no parking, no
/// lock, no channel) or take long.
/// Cancellation: the forms without a context follow the one that the calling fiber was started with.
/// Threads: fibers only; any number on both sides. What X did before a send is visible to Y after its receive; what Y did
/// before it received the k-th value is visible to X after its send of the (k + capacity)-th; a close is visible to
/// whoever learns of it. Lifetime: outlives all operations on it. Source: Go's specification and memory model.
template <class T>
class Chan {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a value must not get lost between two fibers");

 public:
  using value_type = T;

  /// Requires: capacity fits into memory; it is allocated now, all of it.
  explicit Chan(std::size_t capacity = 0) : core_(capacity, internal::element_ops<T>()) {}

  /// Parks until somebody takes the value or there is room for it. The cause of ctx if that ends first; then the value
  /// was not sent. Requires: not closed (a sender that races with close is a bug, asserted).
  Result<void> send(Context& ctx, T value) {
    return core_.send(&ctx, std::addressof(value)) == Outcome::kDone ? Result<void>() : ctx.check();
  }
  /// False: this fiber's context has ended and the value was not sent.
  bool send(T value) { return core_.send(nullptr, std::addressof(value)) == Outcome::kDone; }
  /// False: it would have to wait; `value` is untouched. Never parks.
  bool try_send(T& value) { return core_.try_send(std::addressof(value)); }

  /// Parks until there is a value; nothing if the channel is closed and empty. The cause of ctx if that ends first.
  Result<std::optional<T>> recv(Context& ctx);
  /// Nothing also if this fiber's context has ended.
  std::optional<T> recv();
  /// Nothing if it would have to wait, and if the channel is closed and empty. Never parks.
  std::optional<T> try_recv();

  /// No more values will come. Those inside can still be received; waiting receivers go on with nothing.
  /// Requires: not closed yet, and no sender is waiting.
  void close() { core_.close(); }

  /// How many values are inside at this moment; stale when you read it.
  [[nodiscard]] std::size_t size_approx() const noexcept { return core_.size_approx(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

  /// Makes `for (T value : channel)` receive until the channel is closed and empty, or this fiber's context has ended; as a
  /// range it is std::ranges::input_range, if T can be assigned.
  class Iterator;
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() { return {}; }

  /// For select.
  internal::ChannelCore& core() noexcept { return core_; }

 private:
  using Outcome = internal::ChannelCore::Outcome;

  internal::ChannelCore core_;
};

// ---- implementation ----

namespace internal {
/// Room for a value that may arrive: raw memory that the other side moves into.
template <class T>
class Landing {
 public:
  Landing() = default;
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;
  void* memory() noexcept { return memory_; }
  /// Requires: a value has arrived. Call once.
  T take() {
    T* arrived = std::launder(reinterpret_cast<T*>(memory_));
    T value = std::move(*arrived);
    arrived->~T();
    return value;
  }

 private:
  alignas(T) std::byte memory_[sizeof(T)];
};
}  // namespace internal

template <class T>
Result<std::optional<T>> Chan<T>::recv(Context& ctx) {
  internal::Landing<T> landing;
  switch (core_.recv(&ctx, landing.memory())) {
    case Outcome::kDone: return std::optional<T>(landing.take());
    case Outcome::kClosed: return std::optional<T>();
    case Outcome::kContextEnded: break;
  }
  return fail(std::move(ctx.check()).error());
}

// Always inline: the caller of a function gets a small optional in a register, into which it is read as a whole just after
// it was written in parts; the processor waits for that as long as for all else that a buffered receive does.
template <class T>
[[gnu::always_inline]] inline std::optional<T> Chan<T>::recv() {
  internal::Landing<T> landing;
  std::optional<T> value;
  if (core_.recv(nullptr, landing.memory()) == Outcome::kDone) value.emplace(landing.take());
  return value;
}

template <class T>
std::optional<T> Chan<T>::try_recv() {
  internal::Landing<T> landing;
  if (!core_.try_recv(landing.memory())) return std::nullopt;
  return landing.take();
}

template <class T>
class Chan<T>::Iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  explicit Iterator(Chan& channel) : channel_(&channel), value_(channel.recv()) {}
  T& operator*() const { return *value_; }
  Iterator& operator++() {
    if (auto next = channel_->recv()) {
      value_.emplace(std::move(*next));  // T need not be assignable
    } else {
      value_.reset();
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.value_.has_value(); }

 private:
  Chan* channel_;
  mutable std::optional<T> value_;  // mutable: what an iterator points at may be moved from, whoever holds the iterator
};

}  // namespace sluice
