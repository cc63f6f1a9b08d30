// SPDX-License-Identifier: MIT
//
// On real files: the reader, the lock, and that the disk does what the tests' disk does.
#include <sluice/reservoir/journal_reader.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <sluice/base/digest.hpp>
#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir {
namespace {

namespace fs = std::filesystem;

std::string name(int number) { return "report " + std::to_string(number); }

struct Collector final : JournalVisitor {
  std::map<Key, Entry> trimmed_keys;
  std::map<Position, Record> records;
  std::map<Key, Entry> kept_keys;

  Result<void> trimmed(const Key& key, const Entry& entry) override {
    EXPECT_TRUE(trimmed_keys.emplace(key, entry).second);
    return {};
  }
  Result<void> record(const Record& record, std::span<const Entry> entries) override {
    EXPECT_EQ(entries.size(), record.keys.size());
    for (std::size_t i = 0; i < entries.size(); ++i) kept_keys.emplace(record.keys[i], entries[i]);
    EXPECT_TRUE(records.emplace(record.position, record).second);
    return {};
  }
};

/// A world whose files are real.
struct RealWorld : World {
  ScratchFolder folder;
  RealWorld() { options.folder = folder.path() / "var" / "journal"; }
  Result<std::unique_ptr<Reservoir>> try_open_real(Context& ctx) { return Reservoir::open(ctx, options, parts()); }
};

void accept(Context& ctx, Reservoir& reservoir, int first, int end) {
  for (int i = first; i < end; ++i)
    ASSERT_TRUE(submit(ctx, reservoir, candidate(name(i)), name(i) + std::string(300, 'x')));
}

/// One line for each file: its name and what is in it.
std::string fingerprint(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    files[entry.path().filename().string()] = to_hex(sha256(as_bytes(bytes)));
  }
  std::string text;
  for (const auto& [file, digest] : files) text += file + " " + digest + "\n";
  return text;
}

TEST(JournalReader, SeesWhatALivingReservoirHasAndHadAndChangesNothing) {
  RealWorld world;
  in_virtual_time([&](Context& ctx) {
    auto reservoir = world.try_open_real(ctx);
    ASSERT_TRUE(reservoir) << reservoir.error().describe();
    accept(ctx, **reservoir, 0, 40);
    ASSERT_TRUE((*reservoir)->trim(ctx, 25));
    const auto before = fingerprint(world.options.folder);
    Collector found;
    auto summary = read_journal(ctx, world.options.folder, found);
    ASSERT_TRUE(summary) << summary.error().describe();
    EXPECT_EQ(fingerprint(world.options.folder), before);
    EXPECT_EQ(summary->journal_id, (*reservoir)->journal_id());
    EXPECT_EQ(summary->last, 40U);
    EXPECT_EQ(summary->oldest, (*reservoir)->oldest());
    EXPECT_GT(summary->oldest, 1U);
    EXPECT_EQ(summary->trimmed, summary->oldest - 1);
    EXPECT_EQ(summary->records, 41 - summary->oldest);
    EXPECT_FALSE(summary->has_torn_tail);
    EXPECT_EQ(found.trimmed_keys.size() + found.records.size(), 40U);
    for (int i = 0; i < 40; ++i) {
      const Key key = candidate(name(i)).key;
      const auto& keys = found.trimmed_keys.contains(key) ? found.trimmed_keys : found.kept_keys;
      ASSERT_TRUE(keys.contains(key)) << i;
      EXPECT_EQ(keys.at(key).position, static_cast<Position>(i + 1));
      EXPECT_EQ(keys.at(key).note, "note of " + name(i));
      EXPECT_EQ(keys.at(key).content, candidate(name(i)).content);
    }
    EXPECT_EQ(found.records.at(40).payload, name(39) + std::string(300, 'x'));
  });
}

TEST(JournalReader, TellsATornTailFromDamageAndNothingFromSomething) {
  RealWorld world;
  in_virtual_time([&](Context& ctx) {
    Collector found;
    auto nothing = read_journal(ctx, world.folder.path(), found);
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code(), Code::kNotFound);
    EXPECT_EQ(read_journal(ctx, world.folder.path() / "nowhere", found).error().code(), Code::kNotFound);
    {
      auto reservoir = world.try_open_real(ctx);
      ASSERT_TRUE(reservoir);
      accept(ctx, **reservoir, 0, 3);
    }
    const auto segment = world.options.folder / "00000000000000000001.journal";
    auto flip = [&](std::streamoff at) {
      std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const int byte = file.get();
      file.seekp(at);
      file.put(static_cast<char>(byte ^ 1));
    };
    flip(3000);  // reserved space
    auto torn = read_journal(ctx, world.options.folder, found);
    ASSERT_TRUE(torn);
    EXPECT_TRUE(torn->has_torn_tail);
    EXPECT_EQ(torn->last, 3U);
    flip(100);
    EXPECT_EQ(read_journal(ctx, world.options.folder, found).error().code(), Code::kDataLoss);
  });
}

// The owner appends, begins segments and trims while we read, again and again: nothing durable may be missed.
TEST(JournalReaderStress, MissesNothingWhileTheJournalLives) {
  RealWorld world;
  world.options.segment_bytes = 1 << 15;
  on_processors(2, [&](Context& ctx) {
    auto opened = world.try_open_real(ctx);
    ASSERT_TRUE(opened);
    Reservoir& reservoir = **opened;
    bool is_done = false;
    TaskGroup group{ctx};
    std::atomic<bool> has_ended{false};
    group.go([&](Context& own) {
      for (int i = 0; i < 600; ++i) {
        ASSERT_TRUE(submit(own, reservoir, candidate(name(i)), std::string(300, 'x')));
        if (i % 50 != 49) continue;
        ASSERT_TRUE(reservoir.trim(own, reservoir.durable()));
      }
      has_ended.store(true);
    });
    while (!is_done) {
      is_done = has_ended.load();
      const Position durable = reservoir.durable();
      Collector found;
      auto summary = read_journal(ctx, world.options.folder, found);
      if (!summary && summary.error().code() == Code::kAborted) continue;
      ASSERT_TRUE(summary) << summary.error().describe();
      ASSERT_GE(summary->last, durable);
      ASSERT_EQ(found.trimmed_keys.size() + found.records.size(), summary->last);
    }
    EXPECT_TRUE(group.wait());
  });
}

TEST(Reservoir, BelongsToOneProcessAtATime) {
  RealWorld world;
  in_virtual_time([&](Context& ctx) {
    auto first = world.try_open_real(ctx);
    ASSERT_TRUE(first) << first.error().describe();
    auto second = world.try_open_real(ctx);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
    ASSERT_TRUE(submit(ctx, **first, candidate("a")));
    ASSERT_TRUE((*first)->close(ctx));
    first->reset();
    auto third = world.try_open_real(ctx);
    ASSERT_TRUE(third) << third.error().describe();
    EXPECT_TRUE((*third)->find(candidate("a").key));
  });
}

}  // namespace
}  // namespace sluice::reservoir
