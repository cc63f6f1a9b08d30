// SPDX-License-Identifier: MIT
#include <sluice/runtime/once.hpp>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

TEST(Once, RunsOnceAndEverybodyWaitsForItsEnd) {
  in_virtual_time([](Context& ctx) {
    Once once;
    int begun = 0;
    bool has_ended = false;
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([&](Context&) {
        once.call([&] {
          ++begun;
          yield();  // the others come meanwhile
          has_ended = true;
        });
        EXPECT_TRUE(has_ended);
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(begun, 1);
  });
}

TEST(Once, CountsAsRunWhenItThrows) {
  in_virtual_time([](Context&) {
    Once once;
    EXPECT_THROW(once.call([] { throw 7; }), int);
    once.call([] { ADD_FAILURE() << "it has run"; });
  });
}

TEST(OnceProperty, RunsBeforeAnybodyReturns) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Once once;
    int begun = 0, ended = 0;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 5; ++fiber)
      group.go([&](Context&) {
        for (int step = 0; step < 3; ++step) {
          chance.wander();
          once.call([&] {
            ++begun;
            chance.wander();
            ++ended;
          });
          EXPECT_EQ(begun, 1);
          EXPECT_EQ(ended, 1);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(OnceStress, WhatItDidIsVisibleToAll) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 200; ++round) {
      Once once;
      int made = 0;  // plain on purpose
      TaskGroup group{ctx};
      for (int i = 0; i < 4; ++i)
        group.go([&](Context&) {
          once.call([&] { ++made; });
          EXPECT_EQ(made, 1);
        });
      EXPECT_TRUE(group.wait());
    }
  });
}

}  // namespace
}  // namespace sluice
