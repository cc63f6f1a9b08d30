// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/intrusive_list.hpp>
#include <sluice/runtime/internal/timer_wheel.hpp>

namespace sluice {

namespace internal {
/// What a Context tells of its cancellation: a child, a fiber's wait, a fiber that was started with it.
struct Cancellable : ListNode<Cancellable> {
  /// Cancelling goes through the tree. First everybody is marked; then who is seen to wait is woken. If that settles it for
  /// all, as it does for the one fiber of a request whose time is up, this is the end; else, behind one fence for all, who
  /// waits is woken.
  enum class Step { kMark, kWakeIfSeen, kWake };
  /// Called for each step with the context's lock held; must not park and must not call back into that context, nor into
  /// those above it. False from kWakeIfSeen: it may be about to wait, so kWake has to follow; at the other steps it means
  /// nothing. Null: a child, whose own list comes next.
  bool (*on_cancel)(Cancellable* self, Step step) noexcept = nullptr;
};
}  // namespace internal

/// Names a value that travels with a Context. Two keys are the same key if they are the same object:
///   inline constexpr ContextKey<TraceId> kTraceId{"trace id"};
template <class T>
struct ContextKey {
  const char* name;
};

/// A request crosses many functions, and all must stop when its client goes away or its time is up. A Context carries
/// that news down, together with the deadline and a few values that belong to the request.
///
///   Context request{ctx, 3s};              // ends with ctx, or after three seconds, or when request.cancel() is called
///   SLUICE_TRY(auto row, store.find(request, id));
///
/// Contexts form a tree on the fibers' stacks. Cancelling one cancels all below it; every wait that was given one of
/// them returns its cause within one turn of the scheduler. A child's deadline is never later than its parent's.
/// Threads: any. What happened before cancel() is visible to whoever sees is_cancelled().
/// Lifetime: a parent outlives its children (asserted), and everything that waits with it.
/// Source: Go's context, with lifetime by scope in place of a cancel function that one can forget.
class Context {
 public:
  /// A root: no deadline, ends only by cancel().
  Context() noexcept;
  explicit Context(Context& parent);
  /// Also ends, with kDeadlineExceeded, at the deadline if that is before the parent's; at once if it has passed.
  /// Requires: in a fiber.
  Context(Context& parent, Deadline deadline);
  Context(Context& parent, Duration timeout);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  /// Ends this context and all below it. The first cause stays; later calls do nothing. Never parks.
  void cancel(Error cause = Error(Code::kCancelled, "cancelled"));

  [[nodiscard]] bool is_cancelled() const noexcept {
    return cancelled_.load(std::memory_order_acquire);  // acquire: who sees it, sees the cause
  }
  /// Ok while the context lives, afterwards the cause: kCancelled, kDeadlineExceeded, or what cancel() was given.
  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }

  /// Attaches a value, found under this key here and below. Requires: nobody else knows this context yet.
  template <class T>
  void set(const ContextKey<T>& key, T value);
  /// The nearest value under this key, here or above; null if there is none. Borrowed for the life of this context.
  template <class T>
  [[nodiscard]] const T* get(const ContextKey<T>& key) const noexcept;

  /// For the runtime's primitives: to be told of cancellation. False, and not added, if it has come already.
  bool subscribe(internal::Cancellable& node) noexcept;
  /// Afterwards on_cancel is neither running nor will be called. Requires: added.
  void unsubscribe(internal::Cancellable& node) noexcept;

 private:
  struct Value {
    const void* key;
    std::unique_ptr<Value> next;
    virtual ~Value() = default;
  };
  template <class T>
  struct ValueOf;

  // What ends this context from outside: its parent, and its deadline. A part of it, although many have no deadline: a
  // request's has one, and would spend a fifth of its time on allocating the timer.
  struct Link final : internal::Cancellable, internal::Timer {
    Context* child = nullptr;
  };

  Context(Context& parent, Deadline deadline, bool has_passed);

  [[nodiscard]] const Value* find(const void* key) const noexcept;
  bool mark_cancelled_unlocked(const Error& cause) noexcept;
  bool tell_all_unlocked(internal::Cancellable::Step step) noexcept;
  bool enter_unlocked(internal::Cancellable::Step step, const Error& cause) noexcept;

  Context* const parent_ = nullptr;
  Deadline deadline_;
  // Written once, by cancel; read by everybody; publishes cause_.
  std::atomic<bool> cancelled_{false};
  bool follows_parent_ = false;  // owner only
  internal::BiasedLock lock_;
  std::optional<Error> cause_;                             // guarded by lock_ until cancelled_, then constant
  internal::IntrusiveList<internal::Cancellable> waiting_;  // guarded by lock_
  Link link_;  // in parent_->waiting_ if follows_parent_; a started timer if the deadline is before the parent's
  std::unique_ptr<Value> values_;
};

// ---- implementation ----

template <class T>
struct Context::ValueOf final : Value {
  explicit ValueOf(T v) : value(std::move(v)) {}
  T value;
};

template <class T>
void Context::set(const ContextKey<T>& key, T value) {
  auto node = std::make_unique<ValueOf<T>>(std::move(value));
  node->key = &key;
  node->next = std::move(values_);
  values_ = std::move(node);
}

template <class T>
const T* Context::get(const ContextKey<T>& key) const noexcept {
  const Value* found = find(&key);
  return found ? &static_cast<const ValueOf<T>*>(found)->value : nullptr;
}

}  // namespace sluice
