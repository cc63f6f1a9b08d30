// SPDX-License-Identifier: MIT
#include <apps/epro/client/vs_file.hpp>

#include <string>

#include <zlib.h>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/client/files_test.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::in_virtual_time;

constexpr const char* kHeader = "STUDYID,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSORRESU,VSDTC\n";

std::string row(int subject, int seq) {
  return "PILOT,S" + std::to_string(subject) + "," + std::to_string(seq) + ",PULSE,72,BEATS/MIN,2013-12-26\n";
}

void write_compressed(const std::filesystem::path& file, const std::string& text) {
  gzFile out = ::gzopen(file.c_str(), "wb");
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(::gzwrite(out, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ::gzclose(out);
}

class VsFileOnDisk : public ::testing::Test {
 protected:
  void write(const std::string& text) { write_file(path_, text); }

  ScratchFolder folder_;
  std::filesystem::path path_ = folder_.path() / "vs.csv";
};

TEST_F(VsFileOnDisk, GivesTheRowsWithTheirNumbersPlainOrCompressed) {
  // More than one piece of each reading, so that rows are cut anywhere.
  constexpr int kRows = 10'000;
  std::string text = kHeader;
  for (int i = 1; i <= kRows; ++i) text += row(i % 7, i);
  write(text);
  write_compressed(folder_.path() / "vs.csv.gz", text);
  in_virtual_time([&](Context& ctx) {
    for (const char* name : {"vs.csv", "vs.csv.gz"}) {
      auto file = VsFile::open(ctx, folder_.path() / name);
      ASSERT_TRUE(file) << file.error().describe();
      for (std::uint64_t number = 1; number <= kRows; ++number) {
        auto line = file->next(ctx);
        ASSERT_TRUE(line && *line && (*line)->row);
        ASSERT_EQ((*line)->number, number);
        ASSERT_EQ((*line)->row->seq, static_cast<std::int64_t>(number));
      }
      auto end = file->next(ctx);
      EXPECT_TRUE(end && !*end);
      EXPECT_TRUE((end = file->next(ctx)) && !*end) << "stays at the end";
    }
  });
}

TEST_F(VsFileOnDisk, AFileMayEndWithoutALineEnd) {
  std::string text = kHeader + row(1, 1);
  text.pop_back();
  write(text);
  in_virtual_time([&](Context& ctx) {
    auto surveyed = survey(ctx, path_);
    ASSERT_TRUE(surveyed) << surveyed.error().describe();
    EXPECT_EQ(surveyed->rows, 1u);
  });
}

TEST_F(VsFileOnDisk, CompressedDataThatIsCutOffOrDamagedIsDataLoss) {
  std::string text = kHeader;
  for (int i = 1; i <= 1'000; ++i) text += row(i, i);
  auto compressed = folder_.path() / "vs.csv.gz";
  write_compressed(compressed, text);
  std::string whole = file_text(compressed);
  std::string damaged = whole;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // the checksum behind the data
  for (const std::string& bytes : {whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1), damaged}) {
    write_file(compressed, bytes);
    in_virtual_time([&](Context& ctx) {
      auto surveyed = survey(ctx, compressed);
      ASSERT_FALSE(surveyed);
      EXPECT_EQ(surveyed.error().code(), Code::kDataLoss) << surveyed.error().describe();
    });
  }
}

TEST_F(VsFileOnDisk, ASurveyFindsSubjectsInTheirOrderAndOneSiteForAll) {
  write(kHeader + row(2, 1) + row(1, 1) + row(2, 2) + "PILOT,S3,none,PULSE,72,BEATS/MIN,2013-12-26\n");
  in_virtual_time([&](Context& ctx) {
    auto surveyed = survey(ctx, path_);
    ASSERT_TRUE(surveyed) << surveyed.error().describe();
    EXPECT_EQ(surveyed->rows, 4u);
    const Study& study = surveyed->study;
    EXPECT_EQ(study.oid, "PILOT");
    ASSERT_EQ(study.sites.size(), 1u);
    ASSERT_EQ(study.patients.size(), 2u) << "not the one whose only row cannot be read";
    EXPECT_EQ(study.patients[0].subject_key, "S2");
    EXPECT_EQ(study.patients[0].id, patient_id_of("PILOT", "S2"));
    EXPECT_EQ(study.patients[1].subject_key, "S1");
  });
}

TEST_F(VsFileOnDisk, SitesAreThoseOfTheirColumn) {
  write("SITEID,STUDYID,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSORRESU,VSDTC\n701," + row(1, 1) + "702," + row(2, 1) + "701," +
        row(3, 1));
  in_virtual_time([&](Context& ctx) {
    auto surveyed = survey(ctx, path_);
    ASSERT_TRUE(surveyed) << surveyed.error().describe();
    ASSERT_EQ(surveyed->study.sites.size(), 2u);
    EXPECT_EQ(surveyed->study.sites[1].id, "702");
    EXPECT_EQ(surveyed->study.patients[2].site, "701");
  });
}

TEST_F(VsFileOnDisk, WhatIsNoVsDataSetIsRefused) {
  std::string two_studies = kHeader + row(1, 1) + "OTHER,S1,2,PULSE,72,BEATS/MIN,2013-12-26\n";
  std::string no_path = std::string(kHeader) + "A/B,S1,2,PULSE,72,BEATS/MIN,2013-12-26\n";
  for (const std::string& text : {std::string(), std::string(kHeader), std::string("a,b\n1,2\n"), two_studies, no_path,
                                  std::string(kHeader) + "\"PILOT,S1\n"}) {
    write(text);
    in_virtual_time([&](Context& ctx) {
      auto surveyed = survey(ctx, path_);
      ASSERT_FALSE(surveyed) << text;
      EXPECT_EQ(surveyed.error().code(), Code::kInvalidArgument) << text;
    });
  }
  in_virtual_time([&](Context& ctx) {
    EXPECT_EQ(survey(ctx, folder_.path() / "none").error().code(), Code::kNotFound);
    EXPECT_FALSE(survey(ctx, folder_.path())) << "a folder";
  });
}

}  // namespace
}  // namespace epro
