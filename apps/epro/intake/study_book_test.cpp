// SPDX-License-Identifier: MIT
#include <apps/epro/intake/study_book.hpp>

#include <fstream>

#include <apps/epro/intake/intake_test.hpp>
#include <apps/epro/record/journal_entry.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::in_virtual_time;

std::vector<sluice::reservoir::Record> everything(Context& ctx, World& world) {
  std::vector<sluice::reservoir::Record> all;
  while (all.size() < world.reservoir->durable()) {
    auto some = world.reservoir->read(ctx, all.size(), 100, 1 << 20);
    if (!some) break;
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

TEST(StudyBook, WhatWasPublishedIsFoundAndIsInTheJournal) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    World world(ctx, scratch.path());
    EXPECT_EQ(world.studies->find("DEMO"), nullptr);
    auto publication = world.studies->publish(ctx, demo_with_withdrawn());
    ASSERT_TRUE(publication) << publication.error().describe();
    EXPECT_EQ(publication->revision, 1u);
    EXPECT_FALSE(publication->changes.empty());
    auto published = world.studies->find("DEMO");
    ASSERT_NE(published, nullptr);
    EXPECT_NE(published->find_patient(*parse_uuid(kPatient)), nullptr);
    EXPECT_EQ(published->find_patient(Uuid{}), nullptr);
    auto records = everything(ctx, world);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].type, static_cast<std::uint8_t>(EntryType::kStudy));
    auto entry = decode_study(records[0].payload);
    ASSERT_TRUE(entry);
    EXPECT_EQ(*parse_study(entry->definition), demo_with_withdrawn());
    world.close(ctx);
  });
}

TEST(StudyBook, TheSameAgainChangesNothing) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    World world(ctx, scratch.path());
    ASSERT_TRUE(world.studies->publish(ctx, demo_with_withdrawn()));
    auto again = world.studies->publish(ctx, demo_with_withdrawn());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->revision, 1u);
    EXPECT_TRUE(again->changes.empty());
    EXPECT_EQ(world.reservoir->durable(), 1u);
    world.close(ctx);
  });
}

TEST(StudyBook, SurvivesARestart) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    {
      World world(ctx, scratch.path());
      auto study = demo_with_withdrawn();
      ASSERT_TRUE(world.studies->publish(ctx, study));
      study.title = "Evening diary, amended";
      ASSERT_TRUE(world.studies->publish(ctx, study));
      world.close(ctx);
    }
    World world(ctx, scratch.path());
    auto published = world.studies->find("DEMO");
    ASSERT_NE(published, nullptr);
    EXPECT_EQ(published->revision(), 2u);
    EXPECT_EQ(published->study().title, "Evening diary, amended");
    EXPECT_EQ(world.reservoir->durable(), 2u) << "nothing is journaled twice";
    world.close(ctx);
  });
}

TEST(StudyBook, JournalsAgainWhatACrashKeptFromTheJournal) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    {
      World world(ctx, scratch.path());
      ASSERT_TRUE(world.studies->publish(ctx, demo_with_withdrawn()));
      world.close(ctx);
    }
    std::filesystem::remove_all(scratch.path() / "journal");
    World world(ctx, scratch.path());
    EXPECT_NE(world.studies->find("DEMO"), nullptr);
    EXPECT_EQ(everything(ctx, world).size(), 1u);
    world.close(ctx);
  });
}

TEST(StudyBook, RefusesToRemoveWhatMayHaveData) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    World world(ctx, scratch.path());
    ASSERT_TRUE(world.studies->publish(ctx, demo_with_withdrawn()));
    auto smaller = demo_with_withdrawn();
    smaller.patients.pop_back();
    auto publication = world.studies->publish(ctx, smaller);
    ASSERT_FALSE(publication);
    EXPECT_EQ(publication.error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(world.studies->find("DEMO")->study().patients.size(), 3u);
    world.close(ctx);
  });
}

TEST(StudyBook, ADamagedFileStopsTheStartAndIsNamed) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    {
      World world(ctx, scratch.path());
      ASSERT_TRUE(world.studies->publish(ctx, demo_with_withdrawn()));
      world.close(ctx);
    }
    {
      std::fstream file(scratch.path() / "studies" / "DEMO.json", std::ios::in | std::ios::out | std::ios::binary);
      std::string text((std::istreambuf_iterator<char>(file)), {});
      file.seekp(static_cast<std::streamoff>(text.find("pain")));
      file << "p}in";
    }
    sluice::observe::Registry metrics;
    sluice::observe::Logger log(sluice::runtime_clock(), metrics);
    auto reservoir = sluice::reservoir::Reservoir::open(ctx, {.folder = scratch.path() / "journal"},
                                                        {sluice::runtime_clock(), log, metrics});
    ASSERT_TRUE(reservoir);
    auto book = StudyBook::open(ctx, scratch.path() / "studies", **reservoir);
    ASSERT_FALSE(book);
    EXPECT_EQ(book.error().code(), Code::kDataLoss);
    EXPECT_NE(book.error().detail().find("DEMO.json"), std::string_view::npos);
    ASSERT_TRUE((*reservoir)->close(ctx));
  });
}

TEST(StudyBook, RefusesToPromiseWhatIsNotKept) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    World world(ctx, scratch.path());
    for (AckPolicy policy : {AckPolicy::kMirror, AckPolicy::kQuorum}) {
      auto study = demo_with_withdrawn();
      study.ack_policy = policy;
      auto publication = world.studies->publish(ctx, study);
      ASSERT_FALSE(publication);
      EXPECT_EQ(publication.error().field(), "/study/ackPolicy");
    }
    world.close(ctx);
  });
}

TEST(StudyBook, AnOidIsAFileOfTheFolderWhateverItSays) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    {
      World world(ctx, scratch.path());
      auto study = demo_with_withdrawn();
      study.oid = "..A_2e-b";
      ASSERT_TRUE(world.studies->publish(ctx, study));
      world.close(ctx);
    }
    World world(ctx, scratch.path());
    EXPECT_NE(world.studies->find("..A_2e-b"), nullptr);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch.path() / "studies"), {}), 1);
    world.close(ctx);
  });
}

}  // namespace
}  // namespace epro
