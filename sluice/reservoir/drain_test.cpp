// SPDX-License-Identifier: MIT
#include <sluice/reservoir/drain.hpp>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir {
namespace {

using namespace std::chrono_literals;

std::string name(int number) { return "report " + std::to_string(number); }

void accept(Context& ctx, Reservoir& reservoir, int first, int end) {
  for (int i = first; i < end; ++i) ASSERT_TRUE(submit(ctx, reservoir, candidate(name(i)), name(i)));
}

/// A store in memory that fails as told.
class MemorySink final : public Sink {
 public:
  enum class Mood { kWell, kRefuses, kLosesTheAnswer };

  Result<Stored> position(Context&) override {
    ++asked;
    if (mood() == Mood::kRefuses) return fail(Code::kUnavailable, "locked");
    return Stored{stored, fingerprint};
  }
  Result<void> apply(Context& ctx, std::span<const Record> records) override {
    const Mood now = mood();
    if (now == Mood::kRefuses) return fail(Code::kUnavailable, "locked");
    if (slowness > Duration::zero()) SLUICE_TRY(sleep(ctx, slowness));
    largest = std::max(largest, records.size());
    for (const Record& record : records) {
      EXPECT_EQ(record.position, ++stored);
      payloads.push_back(record.payload);
    }
    fingerprint = fingerprint_of(records.back());
    if (now == Mood::kLosesTheAnswer) return fail(Code::kDeadlineExceeded, "no answer");
    return {};
  }

  std::function<Mood()> mood = [] { return Mood::kWell; };
  Duration slowness{};
  Position stored = 0;
  Fingerprint fingerprint{};
  std::vector<std::string> payloads;
  std::size_t largest = 0;
  int asked = 0;
};

std::uint64_t failures(World& world, std::string_view code) {
  return world.metrics.counter_family("reservoir_drain_failures_total", "", {"code"}).with({code}).value();
}

TEST(Drain, BringsEverythingToTheStoreAndLetsGoOfIt) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 60);
    MemorySink sink;
    Drain drain(*reservoir, sink, {.records_max = 7, .gather_time = {}}, world.parts());
    TaskGroup group{ctx};
    group.go([&](Context& own) { return drain.run(own); });
    let_all_park(ctx);
    EXPECT_EQ(sink.stored, 60U);
    EXPECT_EQ(sink.largest, 7U);
    EXPECT_EQ(reservoir->drained(), 60U);
    EXPECT_GT(reservoir->oldest(), 1U);
    accept(ctx, *reservoir, 60, 70);
    let_all_park(ctx);
    EXPECT_EQ(sink.stored, 70U);
    for (int i = 0; i < 70; ++i) EXPECT_EQ(sink.payloads[static_cast<std::size_t>(i)], name(i));
    EXPECT_EQ(world.count("reservoir_drained_total"), 70U);
    EXPECT_EQ(sink.asked, 1);
    group.context().cancel();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Drain, GathersAfterATransactionThatWasNotFullAndNeverBeforeTheFirst) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    MemorySink sink;
    Drain drain(*reservoir, sink, {.records_max = 7, .gather_time = 10ms}, world.parts());
    TaskGroup group{ctx};
    group.go([&](Context& own) { return drain.run(own); });
    let_all_park(ctx);
    accept(ctx, *reservoir, 0, 1);
    let_all_park(ctx);
    EXPECT_EQ(sink.stored, 1U) << "after a time without work";
    accept(ctx, *reservoir, 1, 5);
    ASSERT_TRUE(sleep(ctx, 9ms));
    EXPECT_EQ(sink.stored, 1U);
    ASSERT_TRUE(sleep(ctx, 2ms));
    EXPECT_EQ(sink.stored, 5U);
    EXPECT_EQ(sink.largest, 4U) << "all of them in one";
    accept(ctx, *reservoir, 5, 19);
    ASSERT_TRUE(sleep(ctx, 11ms));
    EXPECT_EQ(sink.stored, 19U) << "two that are full, without a pause between them";
    group.context().cancel();
    EXPECT_TRUE(group.wait());
    ASSERT_TRUE(reservoir->close(ctx));
  });
}

TEST(Drain, StoresEachRecordOnceWhateverTheStoreSaysAndThenForgets) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    MemorySink sink;
    std::mt19937_64 random(test_seed());
    sink.mood = [&] { return static_cast<MemorySink::Mood>(random() % 3); };
    Drain drain(*reservoir, sink, {.records_max = 5}, world.parts());
    TaskGroup group{ctx};
    group.go([&](Context& own) { return drain.run(own); });
    for (int i = 0; i < 300; i += 3) {
      accept(ctx, *reservoir, i, i + 3);
      EXPECT_TRUE(sleep(ctx, 20ms));
    }
    EXPECT_TRUE(sleep(ctx, 1h));
    EXPECT_EQ(sink.payloads.size(), 300U);  // in order, each once: see apply
    EXPECT_EQ(world.count("reservoir_drained_total"), 300U);
    EXPECT_GT(failures(world, "unavailable"), 0U);
    EXPECT_GT(failures(world, "deadline exceeded"), 0U);
    group.context().cancel();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Drain, WaitsForAStoreThatIsAwayForDaysWithoutFillingTheLog) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    MemorySink sink;
    bool is_away = true;
    sink.mood = [&] { return is_away ? MemorySink::Mood::kRefuses : MemorySink::Mood::kWell; };
    Drain drain(*reservoir, sink, {.retry_min = 50ms, .retry_max = 5s}, world.parts());
    TaskGroup group{ctx};
    group.go([&](Context& own) { return drain.run(own); });
    accept(ctx, *reservoir, 0, 10);
    EXPECT_TRUE(sleep(ctx, 72h));
    EXPECT_NEAR(static_cast<double>(sink.asked), 72 * 3600 / 5.0, 10);  // backed off, and not further
    EXPECT_EQ(failures(world, "unavailable"), static_cast<std::uint64_t>(sink.asked));
    const auto lines = world.logged();
    EXPECT_EQ(std::ranges::count(lines, '\n'), 1);  // the world's clock stands still
    is_away = false;
    EXPECT_TRUE(sleep(ctx, 5s));
    EXPECT_EQ(sink.stored, 10U);
    is_away = true;
    accept(ctx, *reservoir, 10, 11);
    EXPECT_TRUE(sleep(ctx, 40ms));
    is_away = false;
    EXPECT_TRUE(sleep(ctx, 20ms));  // after a success it begins with the short wait again
    EXPECT_EQ(sink.stored, 11U);
    group.context().cancel();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Drain, EmptiesTheReservoirAtTheEnd) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 20);
    MemorySink sink;
    sink.slowness = 100ms;
    Drain drain(*reservoir, sink, {.records_max = 5}, world.parts());
    Context request{ctx, 150ms};  // ends in the middle of the second transaction
    EXPECT_TRUE(drain.run(request));
    EXPECT_EQ(sink.stored, 20U);
  });
}

TEST(Drain, EndsInTimeWithAStoreThatIsTooSlowOrAway) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 20);
    MemorySink sink;
    sink.slowness = 1s;
    Drain slow(*reservoir, sink, {.records_max = 1, .finish_time = 3500ms}, world.parts());
    Context ended{ctx};
    ended.cancel();
    const Instant begin = runtime_clock().now();
    EXPECT_TRUE(slow.run(ended));
    EXPECT_EQ(runtime_clock().now() - begin, 3500ms);
    EXPECT_EQ(sink.stored, 3U);
    sink.mood = [] { return MemorySink::Mood::kRefuses; };
    Drain away(*reservoir, sink, {}, world.parts());
    EXPECT_TRUE(away.run(ended));
    EXPECT_EQ(runtime_clock().now() - begin, 3500ms);
  });
}

/// What run() says to a store at this position, with a journal of 80 records of which 60 were drained and trimmed.
Result<void> run_at(Position stored) {
  World world;
  Result<void> result;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 80);
    ASSERT_TRUE(reservoir->trim(ctx, 60));
    ASSERT_GT(reservoir->oldest(), 31U);
    MemorySink sink;
    sink.stored = stored == 30 ? reservoir->oldest() - 2 : stored == 31 ? reservoir->oldest() - 1 : stored;
    if (stored == 60 || stored == 80)
      sink.fingerprint = fingerprint_of(reservoir->read(ctx, stored - 1, 1, 1).value().front());
    Drain drain(*reservoir, sink, {}, world.parts());
    Context ended{ctx, 1ms};
    result = drain.run(ended);
    EXPECT_TRUE(!result || sink.stored == 80U);
  });
  return result;
}

TEST(Drain, RefusesAStoreThatIsBehindOrAheadOfTheJournal) {
  for (Position stored : {0, 30, 81}) {
    auto result = run_at(stored);
    ASSERT_FALSE(result) << stored;
    EXPECT_EQ(result.error().code(), Code::kFailedPrecondition);
    EXPECT_NE(result.error().detail().find(" to 80"), std::string_view::npos) << result.error().describe();
  }
  for (Position stored : {31, 60, 80}) EXPECT_TRUE(run_at(stored)) << stored;
}

TEST(Drain, RefusesTheStoreOfAnotherJournal) {
  struct Foreign final : Sink {
    Result<Stored> position(Context&) override { return fail(Code::kFailedPrecondition, "another journal's"); }
    Result<void> apply(Context&, std::span<const Record>) override { return fail(Code::kInternal); }
  } sink;
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    Drain drain(*reservoir, sink, {}, world.parts());
    EXPECT_EQ(drain.check(ctx).error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(drain.run(ctx).error().code(), Code::kFailedPrecondition);
  });
}

/// A store that has ten records, of which its journal lost the last two and then took `grown` others.
void with_lost_tail(int grown, const std::function<void(Context&, World&, Reservoir&, MemorySink&)>& body) {
  World before, world;
  in_virtual_time([&](Context& ctx) {
    MemorySink sink;
    Context limited{ctx, 1h};  // a drain that does not refuse would run for ever
    auto whole = before.open(ctx), copy = world.open(ctx);
    accept(ctx, *whole, 0, 10);
    accept(ctx, *copy, 0, 8);
    ASSERT_TRUE(sink.apply(ctx, whole->read(ctx, 0, 10, 1 << 20).value()));
    accept(ctx, *copy, 10, 10 + grown);
    body(limited, world, *copy, sink);
  });
}

TEST(Drain, RefusesAJournalThatLostItsEndHoweverFarItGrewAgain) {
  for (int grown : {0, 1, 2, 3, 200}) {
    with_lost_tail(grown, [&](Context& ctx, World& world, Reservoir& reservoir, MemorySink& sink) {
      Drain drain(reservoir, sink, {}, world.parts());
      for (const auto& refused : {drain.check(ctx), drain.run(ctx)}) {
        ASSERT_FALSE(refused) << grown;
        EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
        EXPECT_NE(refused.error().detail().find("at position 10,"), std::string_view::npos) << refused.error().describe();
        const bool names_identity = refused.error().detail().find("another record") != std::string_view::npos;
        EXPECT_EQ(names_identity, grown >= 2);
      }
      EXPECT_EQ(sink.payloads.size(), 10U) << "nothing was applied";
      EXPECT_EQ(reservoir.drained(), 0U) << "and nothing let go of";
    });
  }
}

TEST(Drain, RefusesAJournalThatLostItsEndAlsoWhenTheStoreComesBackLate) {
  with_lost_tail(0, [](Context& ctx, World& world, Reservoir& reservoir, MemorySink& sink) {
    bool is_away = true;
    sink.mood = [&] { return is_away ? MemorySink::Mood::kRefuses : MemorySink::Mood::kWell; };
    Drain drain(reservoir, sink, {}, world.parts());
    EXPECT_TRUE(drain.check(ctx)) << "who cannot be asked does not hold up the start";
    EXPECT_EQ(sink.asked, 1);
    TaskGroup group{ctx};
    group.go([&](Context& own) { return drain.run(own); });
    accept(ctx, reservoir, 10, 15);
    is_away = false;
    auto result = group.wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(sink.payloads.size(), 10U);
  });
}

TEST(Drain, ReadsWhatTheStoreHasOnlyOnceToAgree) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 5);
    MemorySink sink;
    ASSERT_TRUE(sink.apply(ctx, reservoir->read(ctx, 0, 5, 1 << 20).value()));
    Drain drain(*reservoir, sink, {}, world.parts());
    ASSERT_TRUE(drain.check(ctx));
    world.disk.bytes("00000000000000000001.journal")[300] ^= std::byte{1};
    EXPECT_TRUE(drain.check(ctx)) << "a store that is locked for days is asked often";
    Drain other(*reservoir, sink, {}, world.parts());
    EXPECT_EQ(other.check(ctx).error().code(), Code::kDataLoss);
  });
}

TEST(Fingerprint, DependsOnAllThatIsInTheRecord) {
  const Record record{.position = 1, .received_at = {}, .type = 1, .keys = {key_of({"a"})}, .payload = "payload"};
  EXPECT_EQ(to_hex(fingerprint_of(record)), "ef916c7876bf8c541dcf15c0ec41fb79") << "stores keep it: never change it";
  std::vector<Record> others(6, record);
  others[0].position = 2;
  others[1].received_at += std::chrono::microseconds(1);
  others[2].type = 2;
  others[3].keys.push_back(key_of({"b"}));
  others[4].keys[0] = key_of({"b"});
  others[5].payload = "Payload";
  for (const Record& other : others) EXPECT_NE(fingerprint_of(other), fingerprint_of(record));
}

TEST(Drain, StopsAtADamagedRecordWithAWord) {
  World world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.open(ctx);
    accept(ctx, *reservoir, 0, 5);
    world.disk.bytes("00000000000000000001.journal")[300] ^= std::byte{1};
    MemorySink sink;
    Drain drain(*reservoir, sink, {.records_max = 1}, world.parts());
    auto result = drain.run(ctx);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kDataLoss);
    EXPECT_EQ(sink.stored, 1U);
  });
}

}  // namespace
}  // namespace sluice::reservoir
