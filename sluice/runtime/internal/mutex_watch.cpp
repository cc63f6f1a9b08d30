// SPDX-License-Identifier: MIT
//
// A program's own definition of a function of the C library goes before the library's: so the calls of the program and of
// all its libraries come through here, std::mutex's among them. Those that the C library makes itself, for stdio or the
// dynamic linker, do not; they lock and unlock before they return. pthread_cond_wait is one of those, and ends as it began:
// with the mutex locked.
//
// What a thread's fiber holds stands in the thread: as long as it holds something it does not leave it, for that is just
// what is asserted. Locks that are taken outside of fibers are not looked at.
// Signals: a handler that locks and unlocks finds room above what it interrupted and leaves it free.
#include <sluice/runtime/internal/mutex_watch.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#if defined(SLUICE_CHECKS) && !defined(__SANITIZE_THREAD__)

#include <dlfcn.h>
#include <pthread.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/failure_report.hpp>

namespace sluice::internal {
namespace {

struct HeldMutex {
  const void* mutex = nullptr;
  StackWitness locked{"it was locked"};
};

constexpr std::size_t kMutexesKept = 8;  // more than anybody understands

struct HeldMutexes {
  std::array<HeldMutex, kMutexesKept> entries{};
  // Volatile: signal handlers of this thread change them as well, and leave them as they were.
  volatile std::size_t count = 0;    // of the entries
  volatile std::size_t nameless = 0;  // those that found no room
};

thread_local constinit HeldMutexes of_this_thread;

// Out of line, as whatever touches a thread-local: see current.hpp.
[[gnu::noinline]] void note_locked(const void* mutex) noexcept {
  if (this_fiber_id() == 0) return;
  HeldMutexes& held = of_this_thread;
  std::size_t at = held.count;
  if (at == kMutexesKept) {
    held.nameless = held.nameless + 1;
    return;
  }
  held.count = at + 1;  // first, so that a handler takes the next one
  held.entries[at].mutex = mutex;
  held.entries[at].locked.remember();
}

[[gnu::noinline]] void note_unlocked(const void* mutex) noexcept {
  HeldMutexes& held = of_this_thread;
  std::size_t count = held.count;
  for (std::size_t at = count; at > 0; --at) {
    if (held.entries[at - 1].mutex != mutex) continue;
    for (; at < count; ++at) held.entries[at - 1] = held.entries[at];
    held.count = count - 1;
    return;
  }
  if (held.nameless > 0) held.nameless = held.nameless - 1;
}

}  // namespace

[[gnu::noinline]] void expect_no_mutex_held() noexcept {
  const HeldMutexes& held = of_this_thread;
  SLUICE_ASSERT(held.count + held.nameless == 0, "no fiber waits while it holds a std::mutex: it may go on in another thread",
                held.entries[0].locked.earlier());
}

}  // namespace sluice::internal

namespace {

using sluice::internal::note_locked;
using sluice::internal::note_unlocked;

// The function that ours stands before. Looked up at the first call, which may come before any of our initializers, and by
// several threads at once, to the same end.
template <class Function>
class Original {
 public:
  constexpr explicit Original(const char* name) noexcept : name_(name) {}

  template <class... Args>
  int operator()(Args... args) noexcept {
    void* found = function_.load(std::memory_order_relaxed);  // relaxed: the code behind it has always been there
    if (found == nullptr) {
      found = ::dlsym(RTLD_NEXT, name_);
      function_.store(found, std::memory_order_relaxed);  // relaxed: as above
    }
    return reinterpret_cast<Function>(found)(args...);
  }

 private:
  const char* const name_;
  std::atomic<void*> function_{nullptr};
};

template <class Function, class Mutex, class... Args>
int lock_by(Original<Function>& original, Mutex* mutex, Args... args) noexcept {
  int result = original(mutex, args...);
  if (result == 0 || result == EOWNERDEAD) note_locked(mutex);  // EOWNERDEAD: robust mutexes; it is locked all the same
  return result;
}

template <class Function, class Mutex>
int unlock_by(Original<Function>& original, Mutex* mutex) noexcept {
  int result = original(mutex);
  if (result == 0) note_unlocked(mutex);
  return result;
}

using MutexCall = int (*)(pthread_mutex_t*);
using MutexTimedCall = int (*)(pthread_mutex_t*, const timespec*);
using MutexClockCall = int (*)(pthread_mutex_t*, clockid_t, const timespec*);
using RwlockCall = int (*)(pthread_rwlock_t*);
using RwlockTimedCall = int (*)(pthread_rwlock_t*, const timespec*);
using RwlockClockCall = int (*)(pthread_rwlock_t*, clockid_t, const timespec*);

constinit Original<MutexCall> mutex_lock{"pthread_mutex_lock"};
constinit Original<MutexCall> mutex_trylock{"pthread_mutex_trylock"};
constinit Original<MutexTimedCall> mutex_timedlock{"pthread_mutex_timedlock"};
constinit Original<MutexClockCall> mutex_clocklock{"pthread_mutex_clocklock"};
constinit Original<MutexCall> mutex_unlock{"pthread_mutex_unlock"};
constinit Original<RwlockCall> rwlock_rdlock{"pthread_rwlock_rdlock"};
constinit Original<RwlockCall> rwlock_tryrdlock{"pthread_rwlock_tryrdlock"};
constinit Original<RwlockTimedCall> rwlock_timedrdlock{"pthread_rwlock_timedrdlock"};
constinit Original<RwlockClockCall> rwlock_clockrdlock{"pthread_rwlock_clockrdlock"};
constinit Original<RwlockCall> rwlock_wrlock{"pthread_rwlock_wrlock"};
constinit Original<RwlockCall> rwlock_trywrlock{"pthread_rwlock_trywrlock"};
constinit Original<RwlockTimedCall> rwlock_timedwrlock{"pthread_rwlock_timedwrlock"};
constinit Original<RwlockClockCall> rwlock_clockwrlock{"pthread_rwlock_clockwrlock"};
constinit Original<RwlockCall> rwlock_unlock{"pthread_rwlock_unlock"};

}  // namespace

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept { return lock_by(mutex_lock, mutex); }
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept { return lock_by(mutex_trylock, mutex); }
int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  return lock_by(mutex_timedlock, mutex, until);
}
int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, const timespec* until) noexcept {
  return lock_by(mutex_clocklock, mutex, clock, until);
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept { return unlock_by(mutex_unlock, mutex); }

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept { return lock_by(rwlock_rdlock, lock); }
int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept { return lock_by(rwlock_tryrdlock, lock); }
int pthread_rwlock_timedrdlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  return lock_by(rwlock_timedrdlock, lock, until);
}
int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock, const timespec* until) noexcept {
  return lock_by(rwlock_clockrdlock, lock, clock, until);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept { return lock_by(rwlock_wrlock, lock); }
int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept { return lock_by(rwlock_trywrlock, lock); }
int pthread_rwlock_timedwrlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  return lock_by(rwlock_timedwrlock, lock, until);
}
int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock, const timespec* until) noexcept {
  return lock_by(rwlock_clockwrlock, lock, clock, until);
}
int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept { return unlock_by(rwlock_unlock, lock); }

}  // extern "C"

#endif
