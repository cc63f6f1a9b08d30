// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <type_traits>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/lock_rank.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/rw_mutex.hpp>

namespace sluice {

/// A value and the mutex that protects it, so that nobody reaches the one without holding the other.
///
///   Guarded<std::map<PatientId, Patient>> patients;
///   patients.with([&](auto& all) { all[id].history = history; });
///   auto locked = patients.lock();       // the same for a whole scope: locked->size(), (*locked)[id]
///
/// The rules of the mutex hold: short sections, nothing parks in them, no second lock() while one is held.
/// Who only reads says so with read() and lock_to_read(); in an RwGuarded<T>, which has an RwMutex, any number of those may
/// be inside at once.
/// Threads and visibility: as the mutex's. Lifetime: outlives its locks.
template <class T, class M = Mutex>
class Guarded {
 public:
  /// A lock held; the way to the value while it lives.
  template <class Value, class Lock>
  class [[nodiscard]] Locked;
  using WriteLock = std::unique_lock<M>;
  using ReadLock = std::conditional_t<std::same_as<M, RwMutex>, std::shared_lock<M>, WriteLock>;

  Guarded()
    requires std::default_initializable<T>
  = default;
  template <class First, class... Rest>
    requires std::constructible_from<T, First, Rest...>
  explicit Guarded(First&& first, Rest&&... rest) : value_(std::forward<First>(first), std::forward<Rest>(rest)...) {}
  /// With a rank for the mutex.
  template <class... Args>
    requires std::constructible_from<T, Args...>
  explicit Guarded(LockRank rank, Args&&... args) : mutex_(rank), value_(std::forward<Args>(args)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  /// Calls fn(T&) with the lock held and returns what it returns, which must not be a reference: it would outlive the lock.
  template <std::invocable<T&> F>
  auto with(F&& fn) {
    WriteLock hold(mutex_);
    return call<T>(value_, std::forward<F>(fn));
  }
  /// As with(), for fn(const T&).
  template <std::invocable<const T&> F>
  auto read(F&& fn) const {
    ReadLock hold(mutex_);
    return call<const T>(value_, std::forward<F>(fn));
  }

  /// Parks until nobody else is inside.
  Locked<T, WriteLock> lock() { return {mutex_, value_}; }
  Locked<const T, ReadLock> lock_to_read() const { return {mutex_, value_}; }

 private:
  template <class Value, class F>
  static auto call(Value& value, F&& fn) {
    using Returned = std::invoke_result_t<F, Value&>;
    static_assert(!std::is_reference_v<Returned>, "a reference into the value would be used without its lock");
    return std::invoke(std::forward<F>(fn), value);
  }

  mutable M mutex_;
  T value_{};  // guarded by mutex_
};

/// For what is read far more often than it is changed.
template <class T>
using RwGuarded = Guarded<T, RwMutex>;

// ---- implementation ----

template <class T, class M>
template <class Value, class Lock>
class Guarded<T, M>::Locked {
 public:
  /// Requires: the lock is held, so neither moved away nor given back by holder().
  Value* operator->() const noexcept { return &value(); }
  Value& operator*() const& noexcept { return value(); }
  Value& operator*() const&& = delete;  // the reference would outlive the lock: give the lock a name

  /// For Cond::wait, which needs to unlock it meanwhile.
  Lock& holder() noexcept { return hold_; }

 private:
  friend Guarded;
  Locked(M& mutex, Value& value) : hold_(mutex), value_(&value) {}

  Value& value() const noexcept {
    SLUICE_ASSERT(hold_.owns_lock(), "a guarded value is used with its lock held");
    return *value_;
  }

  Lock hold_;
  Value* value_;
};

}  // namespace sluice
