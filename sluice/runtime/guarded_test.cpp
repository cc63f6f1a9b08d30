// SPDX-License-Identifier: MIT
#include <sluice/runtime/guarded.hpp>

#include <concepts>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

struct Patient {
  std::string name;
  int age = 0;
  std::string history;
};
using PatientId = std::string;

TEST(Guarded, UpdatesACachedPatient) {
  in_virtual_time([](Context&) {
    const PatientId id = "p-1";
    const std::string history = "allergy";
    // [example]
    Guarded<std::map<PatientId, Patient>> patients;
    patients.with([&](auto& all) { all[id].history = history; });
    auto locked = patients.lock();
    // [/example]
    EXPECT_EQ((*locked)[id].history, "allergy");
    EXPECT_EQ(locked->size(), 1U);
  });
}

TEST(Guarded, ReturnsWhatItsFunctionReturns) {
  in_virtual_time([](Context&) {
    Guarded<std::unique_ptr<int>> number{std::make_unique<int>(7)};
    EXPECT_EQ(number.read([](const std::unique_ptr<int>& at) { return *at; }), 7);
    std::unique_ptr<int> taken = number.with([](std::unique_ptr<int>& at) { return std::move(at); });
    EXPECT_EQ(*taken, 7);
    EXPECT_TRUE(number.with([](auto& at) { return at == nullptr; }));
  });
}

TEST(Guarded, IsMadeOfWhatItsValueIsMadeOf) {
  in_virtual_time([](Context&) {
    Guarded<std::string> text{3U, 'x'};
    EXPECT_EQ(*text.lock().operator->(), "xxx");
    Guarded<int> zero;
    EXPECT_EQ(zero.read([](int value) { return value; }), 0);
  });
}

// That the value cannot leave its lock is a promise of the types.
template <class G>
concept GivesAReferenceFromAPassingLock = requires(G& guarded) { *guarded.lock(); };
template <class G>
concept WritesWhileReading = requires(G& guarded) { guarded.read([](std::string& text) { text.clear(); }); };
static_assert(!GivesAReferenceFromAPassingLock<Guarded<std::string>>);
static_assert(!WritesWhileReading<Guarded<std::string>>);
static_assert(!std::copy_constructible<Guarded<int>> && !std::movable<Guarded<int>>);
static_assert(std::same_as<decltype(*std::declval<decltype(std::declval<Guarded<int>>().lock_to_read())&>()), const int&>);

TEST(Guarded, HoldsItsLockAsLongAsTheScope) {
  in_virtual_time([](Context& ctx) {
    Guarded<int> number{1};
    TaskGroup group{ctx};
    {
      auto locked = number.lock();
      group.go([&](Context&) { number.with([](int& value) { value *= 10; }); });
      let_all_park(ctx);
      *locked += 1;
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(*std::as_const(number).lock_to_read().operator->(), 20);
  });
}

TEST(GuardedDeathTest, ItsValueIsOutOfReachWithoutTheLock) {
  auto use_without = [](auto let_go) {
    in_virtual_time([&](Context&) {
      Guarded<std::string> text{"alice"};
      auto locked = text.lock();
      let_go(locked);
      std::printf("%s", locked->c_str());
    });
  };
  const char* why = "a guarded value is used with its lock held";
  EXPECT_DEATH(use_without([](auto& locked) { locked.holder().unlock(); }), why);
  EXPECT_DEATH(use_without([](auto& locked) { auto taken = std::move(locked); }), why);
  auto read_without = [] {
    in_virtual_time([](Context&) {
      RwGuarded<int> number{1};
      auto reading = number.lock_to_read();
      reading.holder().unlock();
      std::printf("%d", *reading);
    });
  };
  EXPECT_DEATH(read_without(), why);
}

TEST(RwGuarded, LetsReadersInTogether) {
  in_virtual_time([](Context& ctx) {
    RwGuarded<int> number{1};
    TaskGroup group{ctx};
    {
      auto reading = number.lock_to_read();
      group.go([&](Context&) { EXPECT_EQ(number.read([](int value) { return value; }), *reading); });
      let_all_park(ctx);
      group.go([&](Context&) { *number.lock().operator->() = 2; });
      let_all_park(ctx);
      EXPECT_EQ(*reading, 1);
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(number.read([](int value) { return value; }), 2);
  });
}

TEST(Guarded, WorksWithACond) {
  in_virtual_time([](Context& ctx) {
    Guarded<std::deque<int>> queue;
    Cond not_empty;
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      auto locked = queue.lock();
      SLUICE_TRY(not_empty.wait(own, locked.holder(), [&] { return !locked->empty(); }));
      EXPECT_EQ(locked->front(), 7);
      return {};
    });
    let_all_park(ctx);
    queue.with([](auto& numbers) { numbers.push_back(7); });
    not_empty.signal();
    EXPECT_TRUE(group.wait());
  });
}

template <class G>
void keep_two_numbers_equal(Context& ctx) {
  G numbers;
  const int rounds = kManyTimes / 20;
  TaskGroup group{ctx};
  for (int fiber = 0; fiber < 4; ++fiber)
    group.go([&](Context&) {
      for (int round = 0; round < rounds; ++round) {
        numbers.with([](std::pair<int, int>& both) {
          ++both.first;
          ++both.second;
        });
        EXPECT_TRUE(numbers.read([](const std::pair<int, int>& both) { return both.first == both.second; }));
      }
    });
  EXPECT_TRUE(group.wait());
  EXPECT_EQ(numbers.lock_to_read()->first, 4 * rounds);
}

TEST(GuardedStress, KeepsTwoNumbersEqual) {
  on_few_and_many_processors(keep_two_numbers_equal<Guarded<std::pair<int, int>>>);
  on_few_and_many_processors(keep_two_numbers_equal<RwGuarded<std::pair<int, int>>>);
}

}  // namespace
}  // namespace sluice
