// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/fiber_pool.hpp>

#include <algorithm>
#include <new>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice::internal {
namespace {

std::vector<Fiber*> take(FiberPool& pool, std::size_t count) {
  std::vector<Fiber*> fibers;
  while (fibers.size() < count) pool.take_some(fibers, count - fibers.size());
  return fibers;
}

void put(FiberPool& pool, std::vector<Fiber*> fibers) { pool.put_some(fibers, fibers.size()); }

std::size_t alive(const FiberPool& pool) {
  std::size_t count = 0;
  pool.for_each([&](const Fiber&) { ++count; });
  return count;
}

TEST(FiberPool, GivesEachBlockToOne) {
  FiberPool pool;
  std::vector<Fiber*> fibers = take(pool, 5'000);
  EXPECT_EQ(std::set<Fiber*>(fibers.begin(), fibers.end()).size(), 5'000U);
  put(pool, fibers);
  std::vector<Fiber*> again = take(pool, 5'000);
  EXPECT_EQ(std::set<Fiber*>(again.begin(), again.end()), std::set<Fiber*>(fibers.begin(), fibers.end()));
}

TEST(FiberPool, ShowsThoseThatAreInUse) {
  FiberPool pool;
  std::vector<Fiber*> fibers = take(pool, 3'000);
  EXPECT_EQ(alive(pool), 0U);
  for (std::size_t i = 0; i < fibers.size(); i += 3) (::new (fibers[i]) Fiber)->id.store(i + 1);
  EXPECT_EQ(alive(pool), 1'000U);
}

// Valid, then invalid, then valid again: memory that went back is zero, and none of it looks like a fiber.
TEST(FiberPool, SurvivesGivingItsMemoryBack) {
  FiberPool pool;
  std::vector<Fiber*> fibers = take(pool, 100'000);
  for (Fiber* fiber : fibers) fiber->started_at = std::source_location::current();
  std::mt19937_64 random(test_seed());
  std::ranges::shuffle(fibers, random);
  put(pool, fibers);
  EXPECT_TRUE(pool.has_surplus());
  pool.trim();
  EXPECT_FALSE(pool.has_surplus());
  EXPECT_EQ(alive(pool), 0U);
  std::vector<Fiber*> again = take(pool, 100'000);
  EXPECT_EQ(std::set<Fiber*>(again.begin(), again.end()).size(), 100'000U);
  auto is_blank = [](const Fiber* fiber) { return fiber->started_at.line() == 0; };
  EXPECT_GT(std::ranges::count_if(again, is_blank), 80'000);
}

TEST(FiberPool, KeepsSlabsInWhichSomebodyLives) {
  FiberPool pool;
  std::vector<Fiber*> fibers = take(pool, 50'000);
  std::vector<Fiber*> some, others;
  for (std::size_t i = 0; i < fibers.size(); ++i) (i % 500 == 0 ? some : others).push_back(fibers[i]);
  for (Fiber* fiber : some) (::new (fiber) Fiber)->id.store(7);
  put(pool, others);
  pool.trim();
  EXPECT_FALSE(pool.has_surplus());  // what is left cannot go: nobody need look again and again
  EXPECT_EQ(alive(pool), some.size());
  for (Fiber* fiber : some) EXPECT_EQ(fiber->id.load(), 7U);
}

}  // namespace
}  // namespace sluice::internal
