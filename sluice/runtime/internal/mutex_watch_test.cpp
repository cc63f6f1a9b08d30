// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/mutex_watch.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <memory_resource>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>

// Not in sluice::internal, whose functions a report leaves out.
namespace sluice {
namespace {

using namespace std::chrono_literals;

// What follows the call in each keeps it from being a jump, which would leave no frame behind.
template <class M>
[[gnu::noinline]] void lock_it_here(M& mutex) {
  mutex.lock();
  asm volatile("");
}
[[gnu::noinline]] void wait_here(const std::function<void()>& wait) {
  wait();
  asm volatile("");
}

// The first fiber holds the mutex while it waits.
template <class M, class Lock, class Unlock>
void hold_and_wait(M& mutex, Lock lock, Unlock unlock, const std::function<void(Context&)>& wait) {
  in_virtual_time([&](Context& ctx) {
    lock(mutex);
    wait_here([&] { wait(ctx); });
    unlock(mutex);
  });
}

void sleep_a_little(Context& ctx) { static_cast<void>(sleep(ctx, 1ms)); }

constexpr auto kLock = [](auto& mutex) { lock_it_here(mutex); };
constexpr auto kUnlock = [](auto& mutex) { mutex.unlock(); };
constexpr auto kUnlockShared = [](auto& mutex) { mutex.unlock_shared(); };
const char* const kWhy =
    "no fiber waits while it holds a std::mutex.*it was locked, by fiber [0-9]+:.*this is done, by fiber [0-9]+:.*wait_here";

TEST(MutexWatchDeathTest, TellsWhoLockedItAndWhoWaits) {
  std::mutex mutex;
  auto sleep_with_it = [&] { hold_and_wait(mutex, kLock, kUnlock, sleep_a_little); };
  if constexpr (internal::kWatchesMutexes) {
    EXPECT_DEATH(sleep_with_it(), "it was locked, by fiber.*lock_it_here.*this is done, by fiber.*wait_here");
  } else {
    sleep_with_it();
  }
}

TEST(MutexWatchDeathTest, KnowsEveryWayToWait) {
  if constexpr (!internal::kWatchesMutexes) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON, and no TSan";
  std::mutex mutex;
  auto with_it = [&](const std::function<void(Context&)>& wait) { hold_and_wait(mutex, kLock, kUnlock, wait); };
  EXPECT_DEATH(with_it([](Context&) { yield(); }), kWhy);
  EXPECT_DEATH(with_it([](Context& ctx) {
                 Chan<int> channel;
                 static_cast<void>(channel.recv(ctx));
               }),
               kWhy);
  EXPECT_DEATH(with_it([](Context&) { blocking([] {}); }), kWhy);  // another thread may have the processor behind it
}

TEST(MutexWatchDeathTest, AFiberEndsWithoutIt) {
  if constexpr (!internal::kWatchesMutexes) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON, and no TSan";
  std::mutex mutex;
  EXPECT_DEATH(in_virtual_time([&](Context&) { lock_it_here(mutex); }), "it was locked, by fiber.*lock_it_here");
}

TEST(MutexWatchDeathTest, KnowsEveryWayToLock) {
  if constexpr (!internal::kWatchesMutexes) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON, and no TSan";
  auto expect_seen = [](auto& mutex, auto lock, auto unlock) {
    EXPECT_DEATH(hold_and_wait(mutex, lock, unlock, sleep_a_little), kWhy);
  };
  std::mutex mutex;
  std::timed_mutex timed;
  std::shared_timed_mutex shared;
  auto in_time = [] { return std::chrono::system_clock::now() + 1h; };
  auto steady = [] { return std::chrono::steady_clock::now() + 1h; };
  expect_seen(mutex, [](auto& m) { EXPECT_TRUE(m.try_lock()); }, kUnlock);
  expect_seen(timed, [&](auto& m) { EXPECT_TRUE(m.try_lock_until(in_time())); }, kUnlock);
  expect_seen(timed, [&](auto& m) { EXPECT_TRUE(m.try_lock_until(steady())); }, kUnlock);
  expect_seen(shared, kLock, kUnlock);
  expect_seen(shared, [](auto& m) { EXPECT_TRUE(m.try_lock()); }, kUnlock);
  expect_seen(shared, [&](auto& m) { EXPECT_TRUE(m.try_lock_until(in_time())); }, kUnlock);
  expect_seen(shared, [&](auto& m) { EXPECT_TRUE(m.try_lock_until(steady())); }, kUnlock);
  expect_seen(shared, [](auto& m) { m.lock_shared(); }, kUnlockShared);
  expect_seen(shared, [](auto& m) { EXPECT_TRUE(m.try_lock_shared()); }, kUnlockShared);
  expect_seen(shared, [&](auto& m) { EXPECT_TRUE(m.try_lock_shared_until(in_time())); }, kUnlockShared);
  expect_seen(shared, [&](auto& m) { EXPECT_TRUE(m.try_lock_shared_until(steady())); }, kUnlockShared);
}

// The C++ library's pool locks in compiled code of its own and allocates under that lock: here from somebody who waits.
TEST(MutexWatchDeathTest, SeesWhatSharedLibrariesLock) {
  struct Patient final : std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      wait_here([] { yield(); });
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
      std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  auto allocate = [] {
    in_virtual_time([](Context&) {
      Patient patient;
      std::pmr::synchronized_pool_resource pool(&patient);
      pool.deallocate(pool.allocate(64), 64);
    });
  };
  if constexpr (internal::kWatchesMutexes) {
    EXPECT_DEATH(allocate(), kWhy);
  } else {
    allocate();
  }
}

TEST(MutexWatchDeathTest, ARecursiveOneIsFreeWhenItIsUnlockedAsOftenAsLocked) {
  std::recursive_mutex mutex;
  auto lock_twice = [](auto& m) { m.lock(), m.lock(); };
  hold_and_wait(mutex, [&](auto& m) { lock_twice(m), m.unlock(), m.unlock(); }, [](auto&) {}, sleep_a_little);
  if constexpr (!internal::kWatchesMutexes) return;
  EXPECT_DEATH(hold_and_wait(mutex, [&](auto& m) { lock_twice(m), m.unlock(); }, kUnlock, sleep_a_little), kWhy);
}

TEST(MutexWatch, AllowsShortSections) {
  in_virtual_time([](Context& ctx) {
    std::mutex one, other;
    std::shared_mutex shared;
    for (int i = 0; i < 20; ++i) {
      std::unique_lock hold(one), inner(other);
      std::shared_lock reading(shared);
      hold.unlock();  // not in the reverse order
      inner.unlock();
      reading.unlock();
      EXPECT_TRUE(sleep(ctx, 1ms));
      blocking([&] { std::lock_guard inside(one); });
    }
  });
}

TEST(MutexWatch, CountsWhatItHasNoRoomFor) {
  in_virtual_time([](Context& ctx) {
    std::mutex mutexes[20];
    for (std::mutex& mutex : mutexes) mutex.lock();
    for (std::mutex& mutex : mutexes) mutex.unlock();
    EXPECT_TRUE(sleep(ctx, 1ms));
  });
}

TEST(MutexWatch, MistakesNothingThatTheCLibraryLocks) {
  in_virtual_time([](Context& ctx) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    std::fputs("stdio has locks of its own", file);
    ::flockfile(file);
    EXPECT_TRUE(sleep(ctx, 1ms));  // no std::mutex; that this is wrong as well is another matter
    ::funlockfile(file);
    std::fclose(file);
    EXPECT_TRUE(sleep(ctx, 1ms));
  });
}

TEST(MutexWatch, AConditionVariableGivesItsMutexBack) {
  in_virtual_time([](Context& ctx) {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_changed = false;
    std::thread other([&] {
      std::lock_guard hold(mutex);
      is_changed = true;
      changed.notify_one();
    });
    blocking([&] {
      std::unique_lock hold(mutex);
      changed.wait(hold, [&] { return is_changed; });
    });
    EXPECT_TRUE(sleep(ctx, 1ms));
    other.join();
  });
}

}  // namespace
}  // namespace sluice
