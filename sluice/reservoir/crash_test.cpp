// SPDX-License-Identifier: MIT
//
// Every operation on the disk fails once, in each way, in the middle of a busy evening: clients in parallel, batches,
// changes of segments, a drain that trims. Whatever the reservoir said before must hold after it.
#include <sluice/reservoir/reservoir.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir {
namespace {

using namespace std::chrono_literals;
using internal::CrashingDisk;
using When = CrashingDisk::Fault::When;

constexpr int kClients = 4;
constexpr int kEach = 6;
// Each life takes some ten times longer under a sanitizer; 5 has no factor in common with what repeats here.
constexpr std::uint64_t kStride = kSanitized ? 5 : 1;
const std::string kFiller(300, 'x');  // some ten records fill a segment

std::string name(int client, int number) { return std::to_string(client) + "/" + std::to_string(number); }

/// What was promised, and what the store has.
struct Promises {
  std::map<std::string, Entry> acknowledged;
  Position stored = 0;
  std::map<Key, int> stored_keys;
};

void client(Context& ctx, Reservoir& reservoir, int number, Promises& promises, bool retries) {
  for (int i = 0; i < kEach; ++i) {
    const std::string id = name(number, i);
    for (;;) {
      auto entry = submit(ctx, reservoir, candidate(id), id + kFiller);
      if (entry) {
        auto [known, is_first] = promises.acknowledged.try_emplace(id, *entry);
        EXPECT_EQ(entry->position, known->second.position) << id;
        break;
      }
      EXPECT_EQ(entry.error().reason(), "not-writable") << entry.error().describe();
      if (!retries || !sleep(ctx, 700ms)) return;
    }
  }
}

/// A store that takes three records at a time, until nothing more comes.
void drain(Context& ctx, Reservoir& reservoir, Promises& promises) {
  for (;;) {
    auto records = reservoir.read(ctx, promises.stored, 3, 1 << 20);
    if (!records) return;
    for (const Record& record : *records) {
      EXPECT_EQ(record.position, ++promises.stored);
      for (const Key& key : record.keys) ++promises.stored_keys[key];
    }
    static_cast<void>(reservoir.trim(ctx, promises.stored));  // an error: tried again the next time
  }
}

/// One process's life: all clients, beside a drain; ends with close, or as it comes.
void live(Context& ctx, World& world, Promises& promises, bool retries) {
  auto opened = world.try_open(ctx);
  if (!opened) return;
  Reservoir& reservoir = **opened;
  TaskGroup draining{ctx};
  draining.go([&](Context& own) { drain(own, reservoir, promises); });
  {
    TaskGroup clients{ctx};
    for (int c = 0; c < kClients; ++c)
      clients.go([&, c](Context& own) { client(own, reservoir, c, promises, retries); });
    EXPECT_TRUE(clients.wait());
  }
  let_all_park(ctx);
  draining.context().cancel();
  EXPECT_TRUE(draining.wait());
  static_cast<void>(reservoir.close(ctx));  // fails when the power is off
}

/// Everything that was acknowledged is known as it was, everything is in the store or still here, nothing twice.
void expect_kept(Context& ctx, Reservoir& reservoir, const Promises& promises) {
  std::map<Key, int> count = promises.stored_keys;
  ASSERT_LE(reservoir.oldest(), promises.stored + 1);
  ASSERT_GE(reservoir.durable(), promises.stored);
  for (const Record& record : read_all(ctx, reservoir)) {
    if (record.position <= promises.stored) continue;
    for (const Key& key : record.keys) ++count[key];
  }
  for (const auto& [key, times] : count) EXPECT_EQ(times, 1);
  for (const auto& [id, entry] : promises.acknowledged) {
    const Key key = candidate(id).key;
    EXPECT_EQ(count[key], 1) << "lost: " << id;
    auto found = reservoir.find(key);
    ASSERT_TRUE(found) << "forgotten: " << id;
    EXPECT_EQ(found->position, entry.position) << id;
    EXPECT_EQ(found->received_at, entry.received_at) << id;
    EXPECT_EQ(found->content, entry.content) << id;
    EXPECT_EQ(found->note, entry.note) << id;
  }
}

/// The next process: keeps the promises, takes what the clients repeat, and a quiet power cut changes nothing any more.
void expect_goes_on(Context& ctx, World& world, Promises& promises) {
  {
    auto opened = world.try_open(ctx);
    ASSERT_TRUE(opened) << opened.error().describe();
    expect_kept(ctx, **opened, promises);
    // What it found counts as durable now: a replay of it would be acknowledged at once.
    for (int c = 0; c < kClients; ++c)
      for (int i = 0; i < kEach; ++i)
        if (auto found = (*opened)->find(candidate(name(c, i)).key)) promises.acknowledged[name(c, i)] = *found;
  }
  world.disk.power_cut(0);
  live(ctx, world, promises, true);
  ASSERT_EQ(promises.acknowledged.size(), std::size_t{kClients * kEach});
  world.disk.power_cut(0);
  auto reservoir = world.open(ctx);
  expect_kept(ctx, *reservoir, promises);
  EXPECT_EQ(reservoir->durable(), Position{kClients * kEach});
}

std::uint64_t operations_of_a_life(World& world) {
  world.disk.set_sync_time(1ms);
  in_virtual_time([&](Context& ctx) {
    Promises promises;
    live(ctx, world, promises, false);
    EXPECT_EQ(promises.acknowledged.size(), std::size_t{kClients * kEach});
    EXPECT_EQ(promises.stored, Position{kClients * kEach});
    EXPECT_GE(world.disk.names().size(), 2U);
  });
  return world.disk.operations();
}

enum class End { kPowerCut, kKill };

void expect_survives(std::uint64_t operation, When when, End end, double keep) {
  World world;
  world.disk.set_sync_time(1ms);
  in_virtual_time([&](Context& ctx) {
    Promises promises;
    world.disk.set_fault(CrashingDisk::Fault{.at = operation, .when = when, .is_last = true});
    live(ctx, world, promises, false);
    if (end == End::kKill)
      world.disk.kill_process();
    else
      world.disk.power_cut(keep);
    expect_goes_on(ctx, world, promises);
  });
}

TEST(Crash, PowerFailsAtEachOperation) {
  World world;
  const auto operations = operations_of_a_life(world);
  ASSERT_GT(operations, 40U);
  for (std::uint64_t operation = 0; operation < operations; operation += kStride)
    for (When when : {When::kBefore, When::kHalfway, When::kAfterwards})
      for (double keep : {0.0, 0.5, 0.9}) {
        SCOPED_TRACE("operation " + std::to_string(operation) + ", " + std::to_string(static_cast<int>(when)) +
                     ", keeping " + std::to_string(keep));
        expect_survives(operation, when, End::kPowerCut, keep);
        if (HasFailure()) return;
      }
}

TEST(Crash, TheProcessIsKilledAtEachOperation) {
  World world;
  const auto operations = operations_of_a_life(world);
  for (std::uint64_t operation = 0; operation < operations; operation += kStride)
    for (When when : {When::kBefore, When::kHalfway, When::kAfterwards}) {
      SCOPED_TRACE("operation " + std::to_string(operation) + ", " + std::to_string(static_cast<int>(when)));
      expect_survives(operation, when, End::kKill, 1);
      if (HasFailure()) return;
    }
}

// The disk says EIO once. The process lives on, its clients repeat, all is in at the end; and then the power fails, so that
// what the failed sync did not write is gone for good.
TEST(Crash, EachOperationFailsOnceAndTheProcessLivesOn) {
  World counting;
  const auto operations = operations_of_a_life(counting);
  for (std::uint64_t operation = 0; operation < operations; operation += kStride)
    for (When when : {When::kBefore, When::kHalfway, When::kAfterwards}) {
      SCOPED_TRACE("operation " + std::to_string(operation) + ", " + std::to_string(static_cast<int>(when)));
      World world;
      world.disk.set_sync_time(1ms);
      in_virtual_time([&](Context& ctx) {
        Promises promises;
        world.disk.set_fault(CrashingDisk::Fault{.at = operation, .when = when});
        live(ctx, world, promises, true);
        world.disk.power_cut(0.5);
        expect_goes_on(ctx, world, promises);
      });
      if (HasFailure()) return;
    }
}

TEST(Crash, ATrimOfManySegmentsLeavesNoGapWhereverThePowerFails) {
  for (std::uint64_t operation = 0; operation < 40; ++operation)
    for (When when : {When::kBefore, When::kAfterwards}) {
      World world;
      in_virtual_time([&](Context& ctx) {
        SCOPED_TRACE("operation " + std::to_string(operation));
        {
          auto reservoir = world.open(ctx);
          for (int i = 0; i < 60; ++i) ASSERT_TRUE(submit(ctx, *reservoir, candidate(name(0, i)), kFiller));
          ASSERT_GE(world.disk.names().size(), 6U);
          world.disk.set_fault(
              CrashingDisk::Fault{.at = world.disk.operations() + operation, .when = when, .is_last = true});
          static_cast<void>(reservoir->trim(ctx, 60));
        }
        world.disk.power_cut(0.5);
        auto opened = world.try_open(ctx);
        ASSERT_TRUE(opened) << opened.error().describe();
        for (int i = 0; i < 60; ++i)
          EXPECT_EQ((*opened)->find(candidate(name(0, i)).key).value_or(Entry{}).position, static_cast<Position>(i + 1));
        EXPECT_TRUE((*opened)->trim(ctx, 60));
        EXPECT_EQ(world.disk.names().size(), 2U);
      });
      if (HasFailure()) return;
    }
}

// The worst one: a sync fails, the pages look clean, the process is killed before it could begin a new segment. The next
// process reads the records from the pages, and must not believe that they are on the disk.
TEST(Crash, WhatAFailedSyncLeftInThePageCacheIsWrittenAgain) {
  World world;
  in_virtual_time([&](Context& ctx) {
    {
      auto reservoir = world.open(ctx);
      world.disk.set_fault(CrashingDisk::Fault{.at = world.disk.operations() + 1});  // write, then sync
      EXPECT_FALSE(submit(ctx, *reservoir, candidate("a")));
    }
    Entry entry;
    {
      auto reservoir = world.open(ctx);
      auto found = reservoir->find(candidate("a").key);
      if (found) entry = *submit(ctx, *reservoir, candidate("a"));  // a replay, acknowledged now
      EXPECT_TRUE(found);
    }
    world.disk.power_cut(0);
    auto found = world.open(ctx)->find(candidate("a").key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->position, entry.position);
  });
}

TEST(Crash, AFailedSyncFailsTheWholeBatchAndTheNextSegmentTakesItsPositions) {
  World world;
  world.disk.set_sync_time(5ms);
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    ASSERT_TRUE(submit(ctx, *reservoir, candidate("first")));
    const auto poisoned = world.disk.names().at(0);
    int refused = 0;
    TaskGroup group{ctx};
    group.go([&](Context& own) { EXPECT_TRUE(submit(own, *reservoir, candidate("alone"))); });
    EXPECT_TRUE(sleep(ctx, 1ms));
    world.disk.set_fault(CrashingDisk::Fault{.at = world.disk.operations() + 2});  // a sync, a write, the sync
    for (int i = 0; i < 5; ++i)
      group.go([&, i](Context& own) {
        auto entry = submit(own, *reservoir, candidate(name(0, i)));
        ASSERT_FALSE(entry);
        EXPECT_EQ(entry.error().code(), Code::kUnavailable);
        EXPECT_EQ(entry.error().reason(), "not-writable");
        ++refused;
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(refused, 5);
    EXPECT_EQ(reservoir->durable(), 2U);
    EXPECT_EQ(reservoir->writable().error().reason(), "not-writable");
    EXPECT_NE(world.logged().find("\"level\":\"alert\""), std::string::npos);
    const auto poisoned_bytes = world.disk.bytes(poisoned);

    EXPECT_FALSE(submit(ctx, *reservoir, candidate("too soon")));
    EXPECT_TRUE(sleep(ctx, 2s));
    EXPECT_TRUE(reservoir->writable());
    EXPECT_EQ(submit(ctx, *reservoir, candidate(name(0, 3)))->position, 3U);
    EXPECT_EQ(world.disk.bytes(poisoned), poisoned_bytes);  // never touched again
    EXPECT_EQ(world.disk.names().at(1), "00000000000000000003.journal");

    reservoir.reset();
    auto again = world.open(ctx);
    EXPECT_EQ(again->durable(), 3U);
    EXPECT_TRUE(again->find(candidate(name(0, 3)).key));
    EXPECT_FALSE(again->find(candidate(name(0, 1)).key));
  });
}

TEST(Crash, AFullDiskRefusesAndRecoversByItself) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    world.disk.set_full(true);
    int accepted = 0;
    Result<Entry> last = Entry{};
    while ((last = submit(ctx, *reservoir, candidate(name(0, accepted)), kFiller))) ++accepted;
    EXPECT_EQ(last.error().reason(), "not-writable");
    EXPECT_GT(accepted, 5);  // what was reserved is used up first
    EXPECT_EQ(submit(ctx, *reservoir, candidate(name(0, 0)))->position, 1U);
    EXPECT_TRUE(sleep(ctx, 1h));
    EXPECT_FALSE(submit(ctx, *reservoir, candidate("new")));
    EXPECT_GE(world.metrics.counter_family("reservoir_refused_total", "", {"reason"}).with({"not-writable"}).value(), 2U);
    world.disk.set_full(false);
    EXPECT_TRUE(sleep(ctx, 1100ms));
    EXPECT_TRUE(reservoir->writable());
    auto entry = submit(ctx, *reservoir, candidate("new"));
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->position, static_cast<Position>(accepted + 1));
    EXPECT_EQ(read_all(ctx, *reservoir).size(), static_cast<std::size_t>(accepted + 1));
  });
}

// Who claimed before the failure and appends after it must not keep the committer from trying again.
TEST(Crash, RecoversWhileAppendsComeAllTheTime) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    std::vector<Reservoir::Claim> claims;
    for (int i = 0; i < 200; ++i) {
      const Candidate held = candidate(name(1, i));
      claims.push_back(*reservoir->claim(ctx, std::span(&held, 1)));
    }
    world.disk.set_fault(CrashingDisk::Fault{.at = world.disk.operations()});
    EXPECT_FALSE(submit(ctx, *reservoir, candidate("a")));
    int refused = 0;
    while (!reservoir->append(ctx, std::move(claims.back()), 1, reservoir->stamp(), "x")) {
      claims.pop_back();
      ++refused;
      EXPECT_TRUE(sleep(ctx, 10ms));
      ASSERT_FALSE(claims.empty());
    }
    EXPECT_NEAR(refused, 100, 5);
  });
}

}  // namespace
}  // namespace sluice::reservoir
