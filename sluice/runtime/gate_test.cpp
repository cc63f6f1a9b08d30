// SPDX-License-Identifier: MIT
#include <sluice/runtime/gate.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Gate, LetsInUntilItIsClosed) {
  in_virtual_time([](Context& ctx) {
    Gate gate;
    {
      auto first = gate.enter();
      auto second = gate.enter();
      EXPECT_TRUE(first && second);
      EXPECT_EQ(gate.inside_approx(), 2U);
    }
    EXPECT_EQ(gate.inside_approx(), 0U);
    EXPECT_FALSE(gate.is_closed());
    EXPECT_TRUE(gate.close(ctx));
    EXPECT_TRUE(gate.is_closed());
    EXPECT_FALSE(gate.enter());
    EXPECT_TRUE(gate.close(ctx));  // nothing more to wait for
  });
}

TEST(Gate, CloseParksUntilTheLastOneIsOut) {
  in_virtual_time([](Context& ctx) {
    Gate gate;
    auto first = gate.enter(), second = gate.enter();
    bool is_closed = false;
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(gate.close(own));
      is_closed = true;
      return {};
    });
    let_all_park(ctx);
    EXPECT_FALSE(gate.enter());
    first.reset();
    let_all_park(ctx);
    EXPECT_FALSE(is_closed);
    second.reset();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(is_closed);
  });
}

TEST(Gate, LetsGoAllWhoCloseIt) {
  in_virtual_time([](Context& ctx) {
    Gate gate;
    auto pass = gate.enter();
    int closed = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i) group.go([&](Context& own) { closed += gate.close(own) ? 1 : 0; });
    let_all_park(ctx);
    EXPECT_EQ(closed, 0);
    pass.reset();
    let_all_park(ctx);
    EXPECT_EQ(closed, 3);
  });
}

TEST(Gate, StaysShutWhenClosingTookTooLong) {
  in_virtual_time([](Context& ctx) {
    Gate gate;
    auto pass = gate.enter();
    Context request{ctx, 1s};
    EXPECT_EQ(gate.close(request).error().code(), Code::kDeadlineExceeded);
    EXPECT_FALSE(gate.enter());
    EXPECT_EQ(gate.inside_approx(), 1U);
    pass.reset();
    EXPECT_TRUE(gate.close(ctx));
  });
}

TEST(Gate, APassLeavesOnceHoweverOftenItIsMoved) {
  in_virtual_time([](Context& ctx) {
    Gate gate, other;
    std::vector<Gate::Pass> passes;
    for (int i = 0; i < 10; ++i) passes.push_back(*gate.enter());
    Gate::Pass last = std::move(passes.back());
    passes.clear();
    EXPECT_EQ(gate.inside_approx(), 1U);
    last = *other.enter();
    EXPECT_EQ(gate.inside_approx(), 0U);
    EXPECT_EQ(other.inside_approx(), 1U);
    EXPECT_TRUE(gate.close(ctx));
  });
}

TEST(GateDeathTest, OutlivesItsPasses) {
  EXPECT_DEATH(in_virtual_time([](Context&) {
                 auto gate = std::make_unique<Gate>();
                 new std::optional(gate->enter());  // is lost, or it would leave a gate that is gone
                 gate.reset();
               }),
               "a gate outlives its passes");
}

TEST(GateProperty, IsShutForGoodAndEmptyWhenClosed) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Gate gate;
    int inside = 0;
    bool is_shut = false;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context&) {
        for (int step = 0; step < 10; ++step) {
          auto pass = gate.enter();
          EXPECT_EQ(pass.has_value(), !is_shut);
          if (pass) ++inside;
          chance.wander();
          if (pass) --inside;
          pass.reset();
          chance.wander();
        }
      });
    for (int closer = 0; closer < 3; ++closer)
      group.go([&](Context& own) {
        static_cast<void>(sleep(own, Duration(chance.below(40))));
        Context request{own, Duration(chance.below(10) + 1)};
        is_shut = true;
        if (gate.close(request)) {
          EXPECT_EQ(inside, 0);
        } else {
          EXPECT_TRUE(request.is_cancelled());
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(gate.inside_approx(), 0U);
  });
}

// close() returns the moment the last one is out, and the gate ends with it.
TEST(GateStress, MayDieWhenItIsClosed) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 100; ++round) {
      auto gate = std::make_unique<Gate>();
      int work[3] = {};  // plain on purpose: TSan sees it if leaving does not come before close() returns
      TaskGroup group{ctx};
      for (int& mine : work)
        group.go([&mine, pass = gate->enter()](Context&) mutable {
          ++mine;
          if (mine % 2 == 0) yield();
          pass.reset();
        });
      EXPECT_TRUE(gate->close(ctx));
      for (int done : work) EXPECT_EQ(done, 1);
      gate.reset();
    }
  });
}

TEST(GateStress, NobodyIsInsideAfterClose) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 1000; ++round) {
      Gate gate;
      std::atomic<bool> is_over{false};
      std::atomic<int> entered{0};
      TaskGroup group{ctx};
      for (int i = 0; i < 4; ++i)
        group.go([&](Context&) {
          while (auto pass = gate.enter()) {
            EXPECT_FALSE(is_over.load());
            if (entered.fetch_add(1) % 4 == 0) yield();
          }
        });
      while (entered.load() < 20) yield();
      EXPECT_TRUE(gate.close(ctx));
      is_over.store(true);
      EXPECT_TRUE(group.wait());
    }
  });
}

}  // namespace
}  // namespace sluice
