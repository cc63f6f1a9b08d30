// SPDX-License-Identifier: MIT
#include <sluice/reservoir/reservoir.hpp>

#include <array>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <variant>

#include <unistd.h>

#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir {
namespace {

using namespace std::chrono_literals;
using Standing = Reservoir::Standing;

std::string name(int number) { return "report " + std::to_string(number); }

// Fills some segments: in the world's 4 KiB there is room for some ten such records.
void fill(Context& ctx, Reservoir& reservoir, int first, int end) {
  for (int i = first; i < end; ++i) {
    auto entry = submit(ctx, reservoir, candidate(name(i)), std::string(200, 'x'));
    ASSERT_TRUE(entry) << entry.error().describe();
    ASSERT_EQ(entry->position, static_cast<Position>(i + 1));
  }
}

TEST(KeyOf, TellsNamesApartAsTheyAreCutAndInTheirOrder) {
  EXPECT_EQ(key_of({"a", "bc"}), key_of({"a", "bc"}));
  std::set<Key> keys{key_of({}), key_of({""}), key_of({"", ""}), key_of({"a", "bc"}), key_of({"ab", "c"}),
                     key_of({"abc"}), key_of({"bc", "a"})};
  EXPECT_EQ(keys.size(), 7U);
}

TEST(Reservoir, WhatItAcceptedIsKnownThenAndAfterAStart) {
  World world;
  in_virtual_time([&](Context& ctx) {
    std::string journal_id;
    Entry accepted;
    {
      auto reservoir = world.open(ctx);
      journal_id = reservoir->journal_id();
      EXPECT_EQ(journal_id.size(), 32U);
      EXPECT_EQ(reservoir->durable(), 0U);
      EXPECT_EQ(reservoir->oldest(), 1U);
      auto entry = submit(ctx, *reservoir, candidate("a"), "the payload");
      ASSERT_TRUE(entry) << entry.error().describe();
      accepted = *entry;
      EXPECT_EQ(accepted.position, 1U);
      EXPECT_EQ(accepted.received_at, world.clock.wall_now());
      EXPECT_TRUE(reservoir->close(ctx));
    }
    auto reservoir = world.open(ctx);
    EXPECT_EQ(reservoir->journal_id(), journal_id);
    EXPECT_EQ(reservoir->durable(), 1U);
    auto found = reservoir->find(candidate("a").key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->position, 1U);
    EXPECT_EQ(found->received_at, accepted.received_at);
    EXPECT_EQ(found->content, candidate("a").content);
    EXPECT_EQ(found->note, "note of a");
    EXPECT_FALSE(reservoir->find(candidate("b").key));
    auto records = read_all(ctx, *reservoir);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].payload, "the payload");
    EXPECT_EQ(records[0].type, 1);
    EXPECT_EQ(records[0].keys, std::vector<Key>{candidate("a").key});
    EXPECT_EQ(records[0].received_at, accepted.received_at);
    EXPECT_EQ(world.count("reservoir_torn_tails_total"), 0U);
  });
}

TEST(Reservoir, OneRecordHoldsAllThatIsNewInAClaim) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    ASSERT_TRUE(submit(ctx, *reservoir, candidate("b")));
    const std::array batch{candidate("a"), candidate("b"), candidate("c"), candidate("a"), candidate("b", "other")};
    {
      auto claim = reservoir->claim(ctx, batch);
      ASSERT_TRUE(claim);
      EXPECT_EQ(claim->answers()[1].standing, Standing::kKnown);
      EXPECT_EQ(claim->answers()[3].standing, Standing::kRepeated);
      EXPECT_EQ(claim->answers()[4].standing, Standing::kConflict);
      EXPECT_EQ(reservoir->append(ctx, std::move(*claim), 3, reservoir->stamp(), "batch"), 2U);
    }
    auto records = read_all(ctx, *reservoir);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[1].keys, (std::vector<Key>{candidate("a").key, candidate("c").key}));
    EXPECT_EQ(reservoir->find(candidate("c").key)->position, 2U);
    auto again = reservoir->claim(ctx, batch);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->has_new());
  });
}

TEST(Reservoir, OfManyEqualSubmissionsAtOnceOneIsAppendedAndAllGetItsEntry) {
  World world;
  world.disk.set_sync_time(5ms);
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    int answered = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 64; ++i)
      group.go([&](Context& own) {
        auto entry = submit(own, *reservoir, candidate("a"));
        ASSERT_TRUE(entry);
        EXPECT_EQ(entry->position, 1U);
        ++answered;
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(answered, 64);
    EXPECT_EQ(reservoir->durable(), 1U);
  });
}

TEST(Reservoir, AClaimThatIsDroppedGivesItsKeysToWhoWaits) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    const Candidate a = candidate("a");
    std::optional<Reservoir::Claim> claim = *reservoir->claim(ctx, std::span(&a, 1));
    TaskGroup group{ctx};
    group.go([&](Context& own) { EXPECT_EQ(submit(own, *reservoir, a)->position, 1U); });
    let_all_park(ctx);
    EXPECT_EQ(reservoir->durable(), 0U);
    claim.reset();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(reservoir->durable(), 1U);
  });
}

TEST(Reservoir, OneFlushServesAllWhoWait) {
  World world;
  world.disk.set_sync_time(5ms);
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    const auto syncs = world.disk.syncs();
    TaskGroup group{ctx};
    for (int i = 0; i < 30; ++i)
      group.go([&, i](Context& own) { EXPECT_TRUE(submit(own, *reservoir, candidate(name(i)), "x")); });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(reservoir->durable(), 30U);
    // At most: the first one alone, all the others while its sync lasts; and one for a new segment.
    EXPECT_LE(world.disk.syncs() - syncs, 3U);
    EXPECT_LE(world.count("reservoir_flushes_total"), 2U);
    EXPECT_EQ(world.count("reservoir_appended_total"), 30U);
  });
}

TEST(Reservoir, AppendWaitsWhenTooMuchIsPendingAndThatWaitHeedsItsContext) {
  World world;
  world.disk.set_sync_time(1s);
  world.options.pending_bytes_max = 1000;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    TaskGroup group{ctx};
    group.go([&](Context& own) { EXPECT_TRUE(submit(own, *reservoir, candidate("large"), std::string(5000, 'x'))); });
    let_all_park(ctx);
    Context impatient{ctx, 10ms};
    auto refused = submit(impatient, *reservoir, candidate("a"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kDeadlineExceeded);
    EXPECT_TRUE(submit(ctx, *reservoir, candidate("a")));  // later there is room, and its key was given back
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(reservoir->durable(), 2U);
  });
}

TEST(Reservoir, AWriteThatHasBegunIsWaitedForWhateverBecomesOfTheContext) {
  World world;
  world.disk.set_sync_time(1s);
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    Context impatient{ctx, 10ms};
    auto entry = submit(impatient, *reservoir, candidate("a"));
    EXPECT_TRUE(impatient.is_cancelled());
    ASSERT_TRUE(entry);
    EXPECT_EQ(reservoir->durable(), 1U);
  });
}

TEST(Reservoir, StampsNeverGoBackNotEvenOverAStart) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const WallTime begin = world.clock.wall_now();
    {
      auto reservoir = world.open(ctx);
      EXPECT_EQ(reservoir->stamp(), begin);
      world.clock.step_wall(1h);
      EXPECT_EQ(submit(ctx, *reservoir, candidate("a"))->received_at, begin + 1h);
      world.clock.step_wall(-2h);
      EXPECT_EQ(reservoir->stamp(), begin + 1h);
    }
    auto reservoir = world.open(ctx);
    EXPECT_EQ(reservoir->stamp(), begin + 1h);
    world.clock.step_wall(3h);
    EXPECT_EQ(reservoir->stamp(), begin + 2h);
  });
}

TEST(Reservoir, RefusesWhatIsTooLargeAndTakesWhatIsJustNot) {
  World world;
  world.options.record_bytes_max = 10'000;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    auto refused = submit(ctx, *reservoir, candidate("a"), std::string(10'001, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "too-large");
    EXPECT_TRUE(submit(ctx, *reservoir, candidate("a"), std::string(10'000, 'x')));
    Candidate talkative = candidate("b");
    talkative.note.assign(internal::kNoteBytesMax + 1, 'x');
    EXPECT_EQ(reservoir->claim(ctx, std::span(&talkative, 1)).error().reason(), "too-large");
    talkative.note.pop_back();
    EXPECT_TRUE(submit(ctx, *reservoir, talkative));
  });
}

TEST(Reservoir, ARecordLargerThanASegmentGetsOneOfItsOwn) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const std::string large(20'000, 'x');
    {
      auto reservoir = world.open(ctx);
      ASSERT_TRUE(submit(ctx, *reservoir, candidate("before")));
      ASSERT_TRUE(submit(ctx, *reservoir, candidate("large"), large));
      ASSERT_TRUE(submit(ctx, *reservoir, candidate("after")));
    }
    EXPECT_EQ(world.disk.names().size(), 3U);
    auto records = read_all(ctx, *world.open(ctx));
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[1].payload, large);
  });
}

TEST(Reservoir, WhenFullItRefusesWhatIsNewAndStillKnowsTheRest) {
  World world;
  world.options.bytes_max = 2000;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    int accepted = 0;
    Result<Entry> last = Entry{};
    while ((last = submit(ctx, *reservoir, candidate(name(accepted)), std::string(200, 'x')))) ++accepted;
    EXPECT_EQ(last.error().code(), Code::kResourceExhausted);
    EXPECT_EQ(last.error().reason(), "reservoir-full");
    EXPECT_EQ(reservoir->writable().error().reason(), "reservoir-full");
    EXPECT_EQ(world.metrics.counter_family("reservoir_refused_total", "", {"reason"}).with({"reservoir-full"}).value(), 1U);
    EXPECT_EQ(accepted, 7);
    EXPECT_EQ(submit(ctx, *reservoir, candidate(name(0)))->position, 1U);  // a replay
    const std::array mixed{candidate(name(0)), candidate("new")};
    EXPECT_FALSE(reservoir->claim(ctx, mixed));
    EXPECT_GE(reservoir->retry_after(), 1s);
    ASSERT_TRUE(reservoir->trim(ctx, 3));
    EXPECT_TRUE(reservoir->writable());
    EXPECT_TRUE(submit(ctx, *reservoir, candidate("new")));
  });
}

TEST(Reservoir, DepthCountsWhatIsNotDrained) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto& records = world.metrics.gauge("reservoir_depth_records", "");
    auto& bytes = world.metrics.gauge("reservoir_depth_bytes", "");
    {
      auto reservoir = world.open(ctx);
      fill(ctx, *reservoir, 0, 50);
      EXPECT_EQ(records.value(), 50);
      ASSERT_TRUE(reservoir->trim(ctx, 30));
      EXPECT_EQ(records.value(), 20);
      EXPECT_EQ(reservoir->drained(), 30U);
      ASSERT_TRUE(reservoir->trim(ctx, 10));  // never back
      EXPECT_EQ(reservoir->drained(), 30U);
      ASSERT_TRUE(reservoir->trim(ctx, 50));
      EXPECT_EQ(records.value(), 0);
      EXPECT_EQ(bytes.value(), 0);
      EXPECT_EQ(reservoir->retry_after(), 1s);
    }
    // The store has not said yet how far it is.
    auto reservoir = world.open(ctx);
    EXPECT_EQ(reservoir->drained(), reservoir->oldest() - 1);
    EXPECT_EQ(records.value(), static_cast<std::int64_t>(51 - reservoir->oldest()));
  });
}

/// What a scrape says of a gauge.
double scraped(World& world, std::string_view metric) {
  for (const auto& samples : world.metrics.collect())
    if (samples.name == metric) return std::get<double>(samples.samples.at(0).value);
  ADD_FAILURE() << "no metric " << metric;
  return 0;
}

TEST(Reservoir, TellsHowOldTheOldestIsThatWasNotDrained) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto age = [&] { return scraped(world, "reservoir_oldest_age_seconds"); };
    auto reservoir = world.open(ctx);
    EXPECT_EQ(age(), 0);
    for (int minute = 0; minute < 10; ++minute) {
      fill(ctx, *reservoir, minute, minute + 1);
      world.clock.advance(1min);
    }
    EXPECT_EQ(age(), 600);
    ASSERT_TRUE(reservoir->trim(ctx, 3));
    EXPECT_EQ(age(), 420);
    reservoir.reset();
    reservoir = world.open(ctx);
    EXPECT_EQ(age(), 600);  // the store has not said yet how far it is
    ASSERT_TRUE(reservoir->trim(ctx, 10));
    EXPECT_EQ(age(), 0);
    fill(ctx, *reservoir, 10, 11);
    world.clock.advance(1s);
    EXPECT_EQ(age(), 1);
  });
}

TEST(Reservoir, ReadsInPortionsOverManySegments) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    fill(ctx, *reservoir, 0, 100);
    EXPECT_GE(world.disk.names().size(), 7U);
    auto three = reservoir->read(ctx, 10, 3, 1 << 20);
    ASSERT_TRUE(three);
    ASSERT_EQ(three->size(), 3U);
    EXPECT_EQ(three->front().position, 11U);
    EXPECT_EQ(reservoir->read(ctx, 10, 100, 1)->size(), 1U);    // at least one
    EXPECT_EQ(reservoir->read(ctx, 10, 100, 500)->size(), 3U);  // about so many bytes
    EXPECT_EQ(reservoir->read(ctx, 0, 1000, 1 << 20)->size(), 100U);
    EXPECT_EQ(read_all(ctx, *reservoir).size(), 100U);
  });
}

TEST(Reservoir, ReadWaitsForTheNextRecord) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    Position got = 0;
    TaskGroup group{ctx};
    group.go([&](Context& own) { got = reservoir->read(own, 0, 10, 1000)->at(0).position; });
    let_all_park(ctx);
    EXPECT_EQ(got, 0U);
    ASSERT_TRUE(submit(ctx, *reservoir, candidate("a")));
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(got, 1U);
    Context impatient{ctx, 1s};
    auto late = reservoir->read(impatient, 1, 10, 1000);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  });
}

TEST(Reservoir, TrimLetsFilesGoAndKeepsTheirKeysOverAStart) {
  World world;
  in_virtual_time([&](Context& ctx) {
    std::map<std::string, Entry> entries;
    {
      auto reservoir = world.open(ctx);
      fill(ctx, *reservoir, 0, 100);
      for (int i = 0; i < 100; ++i) entries[name(i)] = *reservoir->find(candidate(name(i)).key);
      const auto files = world.disk.names().size();
      ASSERT_TRUE(reservoir->trim(ctx, 50));
      EXPECT_LT(world.disk.names().size(), files);
      EXPECT_GT(reservoir->oldest(), 30U);
      EXPECT_LE(reservoir->oldest(), 51U);
      auto gone = reservoir->read(ctx, 0, 1, 1);
      ASSERT_FALSE(gone);
      EXPECT_EQ(gone.error().code(), Code::kOutOfRange);
      EXPECT_EQ(read_all(ctx, *reservoir).size(), 101 - reservoir->oldest());
      ASSERT_TRUE(reservoir->trim(ctx, 100));
      EXPECT_EQ(world.disk.names().size(), 2U);  // the last segment stays, beside the ids
    }
    for (int start = 0; start < 2; ++start) {
      auto reservoir = world.open(ctx);
      for (const auto& [key_name, entry] : entries) {
        auto found = reservoir->find(candidate(key_name).key);
        ASSERT_TRUE(found) << key_name;
        EXPECT_EQ(found->position, entry.position);
        EXPECT_EQ(found->received_at, entry.received_at);
        EXPECT_EQ(found->content, entry.content);
        EXPECT_EQ(found->note, entry.note);
      }
      EXPECT_EQ(submit(ctx, *reservoir, candidate(name(3)))->position, 4U);  // a replay
      fill(ctx, *reservoir, 100 + start * 50, 150 + start * 50);
      ASSERT_TRUE(reservoir->trim(ctx, reservoir->durable()));
    }
  });
}

TEST(Reservoir, RefusesOptionsThatCannotWork) {
  World world;
  in_virtual_time([&](Context& ctx) {
    world.options.record_bytes_max = internal::kFrameBytesMax;
    EXPECT_EQ(world.try_open(ctx).error().field(), "record_bytes_max");
  });
}

// Real processors, a real disk: what the deterministic tests cannot show is that nothing races.
TEST(ReservoirStress, ManyClientsAndADrainOnRealFiles) {
  const auto folder = std::filesystem::temp_directory_path() / ("sluice_reservoir_" + std::to_string(::getpid()));
  on_few_and_many_processors([&](Context& ctx) {
    std::filesystem::remove_all(folder);
    World world;
    world.options = {.folder = folder, .segment_bytes = 1 << 16};
    auto opened = Reservoir::open(ctx, world.options, world.parts());
    ASSERT_TRUE(opened) << opened.error().describe();
    Reservoir& reservoir = **opened;
    constexpr int kClients = 16, kEach = 40;
    TaskGroup drain{ctx};
    std::atomic<std::size_t> drained{0};
    drain.go([&](Context& own) {
      for (Position after = 0; after < kClients * kEach / 2;) {
        auto records = reservoir.read(own, after, 64, 1 << 20);
        ASSERT_TRUE(records);
        drained += records->size();
        after = records->back().position;
        ASSERT_TRUE(reservoir.trim(own, after));
      }
    });
    TaskGroup clients{ctx};
    for (int c = 0; c < kClients; ++c)
      clients.go([&, c](Context& own) {
        // Each id is sent by two clients.
        for (int i = 0; i < kEach; ++i)
          ASSERT_TRUE(submit(own, reservoir, candidate(name(c / 2 * kEach + i)), std::string(300, 'x')));
      });
    EXPECT_TRUE(clients.wait());
    EXPECT_TRUE(drain.wait());
    EXPECT_EQ(reservoir.durable(), kClients * kEach / 2);
    EXPECT_EQ(drained, kClients * kEach / 2);
    EXPECT_TRUE(reservoir.close(ctx));
  });
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::reservoir
