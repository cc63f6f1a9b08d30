// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/stack_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice::internal {
namespace {

constexpr std::size_t kKiB = 1024;

std::vector<Stack> take(StackPool& pool, std::size_t count) {
  std::vector<Stack> stacks;
  if (std::size_t granted = pool.reserve(count); granted > 0) pool.take_some(stacks, granted);
  return stacks;
}

// As when fibers end: the promises go back with their stacks.
void put(StackPool& pool, std::vector<Stack>& stacks) {
  pool.release(stacks.size());
  pool.put_some(stacks, stacks.size());
}

TEST(StackPool, RefusesStacksLargerThanTheAddressSpaceInsteadOfMakingTinyOnes) {
  StackPool pool(std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(pool.reserve(1), 0u);
}

TEST(StackPool, StacksAreApartAndTheirsIsEveryByte) {
  StackPool pool(64 * kKiB);
  std::vector<Stack> stacks = take(pool, 100);
  ASSERT_EQ(stacks.size(), 100U);
  std::set<std::byte*> lows;
  for (const Stack& stack : stacks) {
    EXPECT_GE(stack.bytes, 50 * kKiB);
    std::memset(stack.low, 0x5a, stack.bytes);
    lows.insert(stack.low);
  }
  for (auto low = lows.begin(); std::next(low) != lows.end(); ++low)
    EXPECT_GE(*std::next(low) - *low, static_cast<std::ptrdiff_t>(64 * kKiB));
}

TEST(StackPool, RoundsUpAndSparesRoomForTheGuard) {
  constexpr std::size_t kMostForColour = kKiB;
  auto usable = [](std::size_t wanted) {
    StackPool pool(wanted);
    std::size_t least = take(pool, 1).front().bytes;
    for (const Stack& stack : take(pool, 40)) least = std::min(least, stack.bytes);
    return least + kMostForColour;
  };
  EXPECT_GE(usable(256 * kKiB), 240 * kKiB);
  EXPECT_GE(usable(1024 * kKiB), 1008 * kKiB);
  EXPECT_GE(usable(16 * kKiB), 12 * kKiB);
  EXPECT_GE(usable(16 * kKiB + 1), 12 * kKiB);
  EXPECT_GE(usable(1), 12 * kKiB);
}

// The caches of most processors choose the place of a line by bits 6 to 16 of its address.
TEST(StackPool, TopsOfStacksDoNotCompeteForTheSamePlaceInACache) {
  StackPool pool(256 * kKiB);
  std::map<std::uintptr_t, int> tops;
  for (const Stack& stack : take(pool, 1'000))
    ++tops[reinterpret_cast<std::uintptr_t>(stack.low + stack.bytes) / 64 % 2048];
  for (auto [place, count] : tops) EXPECT_LE(count, 8) << place;  // as many as one place holds
}

TEST(StackPool, KnowsAStackByItsLowEnd) {
  StackPool pool(64 * kKiB);
  for (const Stack& stack : take(pool, 40)) EXPECT_EQ(pool.stack_at(stack.low, true).bytes, stack.bytes);
}

TEST(StackPool, HandsOutWhatWasUsedLast) {
  StackPool pool(64 * kKiB);
  std::vector<Stack> stacks = take(pool, 3);
  std::byte* last = stacks.back().low;
  put(pool, stacks);
  EXPECT_TRUE(stacks.empty());
  EXPECT_EQ(pool.warm_count(), 3U);
  EXPECT_EQ(take(pool, 1).front().low, last);
}

TEST(StackPool, GivesNothingWhenThereIsNoAddressSpace) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  StackPool pool(std::size_t{1} << 46);
  EXPECT_EQ(take(pool, 10).size(), 1U);  // one is half of what a process can address
  EXPECT_TRUE(take(pool, 1).empty());
}

// A processor that keeps idle stacks must not leave another one without the stacks that it was promised.
TEST(StackPool, KeepsAsManyMoreThanItPromisesAsMayLieIdleElsewhere) {
  StackPool pool(64 * kKiB, StackPool::best_guard(), 64);
  ASSERT_EQ(pool.reserve(2000), 2000U);
  std::vector<Stack> idle_elsewhere, used;
  pool.take_some(idle_elsewhere, 64);
  pool.take_some(used, 2000);
  EXPECT_EQ(used.size(), 2000U);
}

TEST(StackPool, PromisesNoMoreThanItCanKeep) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  StackPool pool(std::size_t{1} << 45);
  std::size_t granted = pool.reserve(100);
  EXPECT_GT(granted, 0U);
  EXPECT_LT(granted, 4U);  // there are four quarters
  EXPECT_EQ(pool.reserve(1), 0U);
  pool.release(1);
  EXPECT_EQ(pool.reserve(2), 1U);
}

TEST(StackPool, KnowsItsGuards) {
  for (GuardKind kind : {GuardKind::kLight, GuardKind::kSplit}) {
    if (kind == GuardKind::kLight && StackPool::best_guard() != kind) continue;
    StackPool pool(64 * kKiB, kind);
    for (const Stack& stack : take(pool, 5)) {
      EXPECT_TRUE(stack.is_guarded);
      EXPECT_EQ(pool.stack_above_guard(stack.low - 1).low, stack.low);
      EXPECT_EQ(pool.stack_above_guard(stack.low - 16 * kKiB).low, stack.low);
      EXPECT_EQ(pool.stack_above_guard(stack.low).bytes, 0U);
      EXPECT_EQ(pool.stack_above_guard(stack.low + stack.bytes - 1).bytes, 0U);
    }
    int elsewhere = 0;
    EXPECT_EQ(pool.stack_above_guard(&elsewhere).bytes, 0U);
    EXPECT_EQ(pool.stack_above_guard(nullptr).bytes, 0U);
  }
}

TEST(StackPool, SaysWhichStacksHaveNoGuard) {
  StackPool pool(64 * kKiB, GuardKind::kNone);
  for (const Stack& stack : take(pool, 5)) {
    EXPECT_FALSE(stack.is_guarded);
    stack.low[-1] = std::byte{1};  // where the canary goes
  }
}

TEST(StackPoolDeathTest, AWriteIntoAGuardEndsTheProcess) {
  for (GuardKind kind : {GuardKind::kLight, GuardKind::kSplit}) {
    if (kind == GuardKind::kLight && StackPool::best_guard() != kind) continue;
    StackPool pool(64 * kKiB, kind);
    std::vector<Stack> stacks = take(pool, 2);
    EXPECT_DEATH(stacks[0].low[-1] = std::byte{1}, "");
    EXPECT_DEATH(stacks[1].low[-static_cast<std::ptrdiff_t>(16 * kKiB)] = std::byte{1}, "");
  }
}

TEST(StackPool, GivesTheMemoryOfIdleStacksBackButForSome) {
  StackPool pool(16 * kKiB);
  const std::size_t count = StackPool::kWarmStacks + 200;
  std::vector<Stack> stacks = take(pool, count);
  for (const Stack& stack : stacks) stack.low[0] = std::byte{0x5a};
  put(pool, stacks);

  pool.trim();  // they have been used since the last time
  EXPECT_EQ(pool.warm_count(), count);
  EXPECT_TRUE(pool.has_surplus());
  pool.trim();
  EXPECT_FALSE(pool.has_surplus());
  EXPECT_EQ(pool.warm_count(), StackPool::kWarmStacks);

  std::size_t given_back = 0;
  for (const Stack& stack : take(pool, count)) given_back += stack.low[0] == std::byte{0} ? 1 : 0;
  EXPECT_EQ(given_back, 200U);
}

TEST(StackPool, LeavesAloneWhatIsInUse) {
  StackPool pool(16 * kKiB);
  const std::size_t count = StackPool::kWarmStacks + 200;
  std::vector<Stack> stacks = take(pool, count);
  put(pool, stacks);
  pool.trim();
  std::vector<Stack> busy = take(pool, 150);  // there were 150 fewer for a moment
  put(pool, busy);
  pool.trim();
  EXPECT_EQ(pool.warm_count(), count - 50);
}

TEST(StackPool, SamplesHowMuchOfItsStacksIsUsed) {
  StackPool pool(std::size_t{256} * 1024);
  ASSERT_EQ(pool.reserve(4), 4U);
  std::vector<Stack> stacks;
  pool.take_some(stacks, 4);
  auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const Stack& stack : stacks) stack.low[stack.bytes - 1] = std::byte{1};
  stacks[2].low[stacks[2].bytes - 9 * page - 1] = std::byte{1};  // a large frame: the pages between are not touched
  EXPECT_EQ(pool.use().high_water_bytes, 0U);
  pool.sample_use();
  EXPECT_EQ(pool.use().high_water_bytes, 10 * page);
  EXPECT_EQ(pool.use().resident_bytes, 5 * page);
  EXPECT_GE(pool.use().reserved_bytes, std::size_t{4} * 256 * 1024);
  pool.put_some(stacks, 4);
  pool.sample_use();
  EXPECT_EQ(pool.use().resident_bytes, 5 * page) << "idle stacks keep their memory for a while";
}

}  // namespace
}  // namespace sluice::internal
