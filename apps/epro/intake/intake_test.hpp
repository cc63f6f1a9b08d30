// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/intake/study_book.hpp>
#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {

inline constexpr const char* kPatient = "00000000-0000-4000-8000-000000900001";
inline constexpr const char* kWithdrawn = "00000000-0000-4000-8000-000000900002";

/// DEMO, with somebody in it who has left the study.
inline Study demo_with_withdrawn() {
  Study study = demo_study();
  study.patients.push_back({uuid(kWithdrawn), "701", "701-1002", PatientStatus::kWithdrawn, {}});
  return study;
}

/// A server's inside without HTTP: a reservoir on files, and DEMO. What is in `folder` outlives it.
class World {
 public:
  World(sluice::Context& ctx, const std::filesystem::path& folder, sluice::reservoir::ReservoirOptions options = {}) {
    options.folder = folder / "journal";
    auto opened = sluice::reservoir::Reservoir::open(ctx, options, {sluice::runtime_clock(), log, metrics});
    EXPECT_TRUE(opened) << opened.error().describe();
    reservoir = *std::move(opened);
    auto book = StudyBook::open(ctx, folder / "studies", *reservoir);
    EXPECT_TRUE(book) << book.error().describe();
    studies = *std::move(book);
  }
  /// As when the process is told to stop. Without it, as when it is killed.
  void close(sluice::Context& ctx) { EXPECT_TRUE(reservoir->close(ctx)); }

  sluice::observe::Registry metrics;
  sluice::observe::Logger log{sluice::runtime_clock(), metrics};
  std::unique_ptr<sluice::reservoir::Reservoir> reservoir;
  std::unique_ptr<StudyBook> studies;
};

}  // namespace epro
