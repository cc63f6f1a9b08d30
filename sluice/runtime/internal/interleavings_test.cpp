// SPDX-License-Identifier: MIT
//
// The explorer's machine must do what the real one may do, and nothing else. The litmus tests of P. Sewell et al., "x86-TSO".
#include <sluice/runtime/internal/interleavings_test.hpp>

#include <array>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::internal {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;  // relaxed: the weakest that there is, all through this file

struct Litmus {
  SteppedAtomic<int> x, y;
  std::array<int, 4> seen{};
};
using Outcomes = std::set<std::array<int, 4>>;
using Body = std::function<void(Litmus&)>;

Outcomes outcomes(const std::vector<Body>& bodies) {
  Outcomes all;
  in_virtual_time([&](Context& ctx) {
    auto result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Litmus>();
      Interleavings::Play play;
      for (const Body& body : bodies) play.threads.push_back([scene, &body] { body(*scene); });
      play.check = [scene, &all] { all.insert(scene->seen); };
      return play;
    });
    EXPECT_EQ(result.violation, "");
  });
  return all;
}

TEST(Interleavings, StoresAreDelayed) {
  Outcomes all = outcomes({[](Litmus& at) {
                             at.x.store(1, kRelaxed);
                             at.seen[0] = at.y.load(kRelaxed);
                           },
                           [](Litmus& at) {
                             at.y.store(1, kRelaxed);
                             at.seen[1] = at.x.load(kRelaxed);
                           }});
  EXPECT_EQ(all, (Outcomes{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
}

TEST(Interleavings, AThreadSeesItsOwnStoresAtOnce) {
  Outcomes all = outcomes({[](Litmus& at) {
                             at.x.store(1, kRelaxed);
                             at.x.store(2, kRelaxed);
                             at.seen[0] = at.x.load(kRelaxed);
                           },
                           [](Litmus& at) { at.seen[1] = at.x.load(kRelaxed); }});
  EXPECT_EQ(all, (Outcomes{{2, 0}, {2, 1}, {2, 2}}));
}

TEST(Interleavings, StoresOfOneThreadBecomeVisibleInTheirOrder) {
  Outcomes all = outcomes({[](Litmus& at) {
                             at.x.store(1, kRelaxed);
                             at.y.store(1, kRelaxed);
                           },
                           [](Litmus& at) {
                             at.seen[0] = at.y.load(kRelaxed);
                             at.seen[1] = at.x.load(kRelaxed);
                           }});
  EXPECT_EQ(all, (Outcomes{{0, 0}, {0, 1}, {1, 1}}));
}

TEST(Interleavings, AllThreadsSeeOneOrder) {
  Outcomes all = outcomes({[](Litmus& at) { at.x.store(1, kRelaxed); }, [](Litmus& at) { at.y.store(1, kRelaxed); },
                           [](Litmus& at) {
                             at.seen[0] = at.x.load(kRelaxed);
                             at.seen[1] = at.y.load(kRelaxed);
                           },
                           [](Litmus& at) {
                             at.seen[2] = at.y.load(kRelaxed);
                             at.seen[3] = at.x.load(kRelaxed);
                           }});
  EXPECT_TRUE(kSanitized || all.size() == 15) << all.size();  // under the sanitizers only some are looked at
  EXPECT_FALSE(all.contains({1, 0, 1, 0}));
}

TEST(Interleavings, ALockedInstructionEmptiesTheBuffer) {
  Outcomes all = outcomes({[](Litmus& at) {
                             at.x.store(1);
                             at.seen[0] = at.y.load(kRelaxed);
                           },
                           [](Litmus& at) {
                             at.y.store(1, kRelaxed);
                             SteppedAtomic<int>* own = &at.y;
                             own->fetch_add(0);
                             at.seen[1] = at.x.load(kRelaxed);
                           }});
  EXPECT_EQ(all, (Outcomes{{0, 1}, {1, 0}, {1, 1}}));
}

TEST(Interleavings, AHeavyFenceAndALightOneDoWhatTwoFullOnesDo) {
  Outcomes all = outcomes({[](Litmus& at) {
                             at.x.store(1, kRelaxed);
                             SteppedFence::light();
                             at.seen[0] = at.y.load(kRelaxed);
                           },
                           [](Litmus& at) {
                             at.y.store(1, kRelaxed);
                             SteppedFence::heavy();
                             at.seen[1] = at.x.load(kRelaxed);
                           }});
  EXPECT_EQ(all, (Outcomes{{0, 1}, {1, 0}, {1, 1}}));
}

TEST(Interleavings, WhoWaitsForNothingIsInADeadlock) {
  if (kSanitized) GTEST_SKIP() << "what is found abandons fibers, and with them what they own";
  in_virtual_time([&](Context& ctx) {
    auto result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Litmus>();
      return Interleavings::Play{{[scene] {
                                    while (scene->x.load(kRelaxed) == 0) Interleavings::wait();
                                    scene->y.store(1, kRelaxed);
                                  },
                                  [scene] {
                                    if (scene->y.load(kRelaxed) == 0) return;
                                    scene->x.store(1, kRelaxed);
                                  }},
                                 {}};
    });
    EXPECT_TRUE(result.violation.starts_with("deadlock")) << result.violation;
  });
}

TEST(Interleavings, WhoWaitsGoesOnWhenAStoreArrives) {
  Outcomes all = outcomes({[](Litmus& at) {
                             while (at.x.load(kRelaxed) == 0) Interleavings::wait();
                             at.seen[0] = at.y.load(kRelaxed);
                           },
                           [](Litmus& at) {
                             at.y.store(1, kRelaxed);
                             at.x.store(1, kRelaxed);
                           }});
  EXPECT_EQ(all, (Outcomes{{1}}));
}

}  // namespace
}  // namespace sluice::internal
