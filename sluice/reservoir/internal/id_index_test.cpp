// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/id_index.hpp>

#include <array>
#include <random>
#include <string>

#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir::internal {
namespace {

using namespace std::chrono_literals;
using Standing = Reservoir::Standing;

Standing take(Context& ctx, IdIndex& index, const Candidate& candidate) {
  auto answers = index.take(ctx, std::span(&candidate, 1));
  return answers ? answers->at(0).standing : Standing::kRepeated;  // which a single one never is
}

void settle(IdIndex& index, const Candidate& candidate, Position position = 1) {
  index.settle(candidate.key, {position, {}, candidate.content, candidate.note});
}

TEST(IdIndex, AKeyIsNewOnceThenKnownOrAConflict) {
  in_virtual_time([](Context& ctx) {
    IdIndex index(1);
    EXPECT_EQ(take(ctx, index, candidate("a")), Standing::kNew);
    EXPECT_FALSE(index.find(candidate("a").key));
    settle(index, candidate("a"), 5);
    EXPECT_EQ(take(ctx, index, candidate("a")), Standing::kKnown);
    EXPECT_EQ(take(ctx, index, candidate("a", "other")), Standing::kConflict);
    ASSERT_TRUE(index.find(candidate("a").key));
    EXPECT_EQ(index.find(candidate("a").key)->position, 5U);
    EXPECT_EQ(index.find(candidate("a").key)->note, "note of a");
  });
}

TEST(IdIndex, OfManyEqualClaimsOneIsNewAndTheOthersWaitForIt) {
  in_virtual_time([](Context& ctx) {
    IdIndex index(1);
    int is_new = 0, is_known = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 64; ++i)
      group.go([&](Context& own) {
        if (take(own, index, candidate("a")) == Standing::kKnown) {
          ++is_known;
          return;
        }
        ++is_new;
        static_cast<void>(sleep(own, 1s));
        EXPECT_EQ(is_known, 0);
        settle(index, candidate("a"));
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(is_new, 1);
    EXPECT_EQ(is_known, 63);
  });
}

TEST(IdIndex, WhenTheFirstGivesUpOneOfTheOthersTakesItsPlace) {
  in_virtual_time([](Context& ctx) {
    IdIndex index(1);
    int took = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 5; ++i)
      group.go([&](Context& own) {
        if (take(own, index, candidate("a")) != Standing::kNew) return;
        const bool gives_up = ++took < 4;
        static_cast<void>(sleep(own, 1s));
        if (gives_up)
          index.give_back(candidate("a").key);
        else
          settle(index, candidate("a"));
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(took, 4);
    EXPECT_TRUE(index.find(candidate("a").key));
  });
}

TEST(IdIndex, AWaiterWhoseContextEndsLeavesAndGivesBackWhatItHad) {
  in_virtual_time([](Context& ctx) {
    IdIndex index(1);
    std::array both{candidate("a"), candidate("b")};
    std::ranges::sort(both, {}, &Candidate::key);
    ASSERT_EQ(take(ctx, index, both[1]), Standing::kNew);
    Context impatient{ctx, 1s};
    auto answers = index.take(impatient, both);
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(take(ctx, index, both[0]), Standing::kNew);
    for (const Candidate& one : both) index.give_back(one.key);
  });
}

TEST(IdIndex, WithinOneClaimLaterEqualsAreRepeatedOrConflicts) {
  in_virtual_time([](Context& ctx) {
    IdIndex index(1);
    index.add(candidate("known").key, {3, {}, candidate("known").content, {}});
    const std::vector<Candidate> claim = {candidate("a"),     candidate("b"),     candidate("a"),
                                          candidate("a", "?"), candidate("known"), candidate("known"),
                                          candidate("known", "?")};
    auto answers = index.take(ctx, claim);
    ASSERT_TRUE(answers);
    auto standing = [&](std::size_t i) { return answers->at(i).standing; };
    EXPECT_EQ(standing(0), Standing::kNew);
    EXPECT_EQ(standing(1), Standing::kNew);
    EXPECT_EQ(standing(2), Standing::kRepeated);
    EXPECT_EQ(answers->at(2).first, 0U);
    EXPECT_EQ(standing(3), Standing::kConflict);
    EXPECT_EQ(standing(4), Standing::kKnown);
    EXPECT_EQ(standing(5), Standing::kRepeated);
    EXPECT_EQ(answers->at(5).first, 4U);
    EXPECT_EQ(standing(6), Standing::kConflict);
    EXPECT_EQ(answers->at(6).entry.position, 3U);
    index.give_back(candidate("a").key);
    index.give_back(candidate("b").key);
  });
}

// Claims of several keys that overlap in every way: if two could wait for each other, this would not end.
void expect_overlapping_claims_end(Context& ctx) {
  IdIndex index(7);
  TaskGroup group{ctx};
  for (std::uint64_t f = 0; f < 8; ++f)
    group.go([&, f](Context& own) {
      std::mt19937_64 random(test_seed() + f);
      for (int round = 0; round < kManyTimes / 500; ++round) {
        std::vector<Candidate> claim;
        const auto base = 8 * static_cast<std::uint64_t>(round);  // eight keys a round
        for (int i = 0; i < 4; ++i) claim.push_back(candidate(std::to_string(base + random() % 8)));
        auto answers = index.take(own, claim);
        ASSERT_TRUE(answers);
        yield();
        const bool gives_up = random() % 2 == 0;
        for (std::size_t i = 0; i < claim.size(); ++i) {
          if (answers->at(i).standing != Standing::kNew) continue;
          if (gives_up)
            index.give_back(claim[i].key);
          else
            settle(index, claim[i]);
        }
      }
    });
  EXPECT_TRUE(group.wait());
}

TEST(IdIndex, OverlappingClaimsOfSeveralKeysNeverWaitForEachOther) { in_virtual_time(expect_overlapping_claims_end); }

TEST(IdIndexStress, OverlappingClaimsOfSeveralKeysNeverWaitForEachOther) {
  on_few_and_many_processors(expect_overlapping_claims_end);
}

}  // namespace
}  // namespace sluice::reservoir::internal
