// SPDX-License-Identifier: MIT
#include <apps/epro/client/diary.hpp>

#include <algorithm>
#include <chrono>
#include <set>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/judge.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

const sluice::WallTime kStart{std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) + 19h};

TEST(BurstStudy, IsOneThatCanBePublished) {
  auto checked = check(burst_study(1'000));
  EXPECT_TRUE(checked) << checked.error().describe();
}

TEST(BurstStudy, ALargerOneHasThePatientsOfASmallerOne) {
  auto small = burst_study(3).patients;
  auto large = burst_study(4).patients;
  ASSERT_EQ(large.size(), 4u);
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));
}

TEST(DiaryRun, ItsReportsAreOnesThatAServerAccepts) {
  const Study study = burst_study(200);
  DiaryRun run("r1", kStart);
  for (std::size_t patient = 0; patient < 200; ++patient) {
    auto envelope = parse_envelope(sluice::as_bytes(run.report(patient, 1500ms)));
    ASSERT_TRUE(envelope) << envelope.error().describe();
    EXPECT_EQ(envelope->submission_id, run.submission_id(patient));
    EXPECT_EQ(envelope->patient_id, study.patients[patient].id);
    EXPECT_TRUE(envelope->device.id.starts_with(run.device_prefix()));
    ASSERT_TRUE(envelope->captured_at);
    EXPECT_EQ(envelope->captured_at->at, kStart + 1500ms);
    Verdict verdict = judge(*envelope, study, study.patients[patient], kStart + 2s);
    EXPECT_EQ(verdict.findings, std::vector<Finding>{}) << run.report(patient, 1500ms);
  }
}

TEST(DiaryRun, TheSameRunMakesTheSameReportsAndAnotherOneOthers) {
  DiaryRun run("r1", kStart), same("r1", kStart), other("r2", kStart);
  EXPECT_EQ(run.report(7, 1s), same.report(7, 1s));
  EXPECT_NE(run.submission_id(7), other.submission_id(7));
  EXPECT_NE(run.device_prefix(), other.device_prefix());
  std::set<Uuid> ids;
  for (std::size_t patient = 0; patient < 1'000; ++patient) ids.insert(run.submission_id(patient));
  EXPECT_EQ(ids.size(), 1'000u);
}

}  // namespace
}  // namespace epro
