// SPDX-License-Identifier: MIT
#include <apps/epro/record/csv.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

/// All rows of `text`, fed in pieces of `piece_size` bytes.
sluice::Result<std::vector<CsvRow>> read(std::string_view text, std::size_t piece_size) {
  CsvReader reader;
  std::vector<CsvRow> all;
  for (std::size_t at = 0; at < text.size(); at += piece_size) {
    SLUICE_TRY(auto rows, reader.feed(text.substr(at, piece_size)));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  SLUICE_TRY(auto last, reader.finish());
  if (last) all.push_back(*last);
  return all;
}

TEST(CsvReader, ReadsTheSameRowsWhereverThePiecesEnd) {
  const std::string_view text = "a,\"b,\"\"c\"\"\r\nd\",\r\n,,\n\"\",x";
  const std::vector<CsvRow> expected = {{"a", "b,\"c\"\r\nd", ""}, {"", "", ""}, {"", "x"}};
  for (std::size_t piece_size = 1; piece_size <= text.size(); ++piece_size) {
    auto rows = read(text, piece_size);
    ASSERT_TRUE(rows) << piece_size;
    EXPECT_EQ(*rows, expected) << piece_size;
  }
}

TEST(CsvReader, TakesTheEndOfTheFileAsTheEndOfTheLastRow) {
  EXPECT_EQ(*read("", 1), std::vector<CsvRow>());
  EXPECT_EQ(*read("a", 1), (std::vector<CsvRow>{{"a"}}));
  EXPECT_EQ(*read("a\n", 1), (std::vector<CsvRow>{{"a"}}));
  EXPECT_EQ(*read("a,", 1), (std::vector<CsvRow>{{"a", ""}}));
  EXPECT_EQ(*read("\"a\"", 1), (std::vector<CsvRow>{{"a"}}));
  EXPECT_EQ(*read("a\n\nb", 1), (std::vector<CsvRow>{{"a"}, {""}, {"b"}}));
}

TEST(CsvReader, SkipsAByteOrderMarkAndNothingLikeIt) {
  EXPECT_EQ(*read("\xEF\xBB\xBF\"a\",b", 1), (std::vector<CsvRow>{{"a", "b"}}));
  EXPECT_EQ(*read("\xEF\xBC\xA1,b", 1), (std::vector<CsvRow>{{"\xEF\xBC\xA1", "b"}}));
}

TEST(CsvReader, NamesTheLineOfAnError) {
  for (const char* text : {"a\nb\"c\n", "a\n\"b\"c\n", "a\n\"b", "a\nb\rc", "a\nb\r"}) {
    auto rows = read(text, 2);
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.error().reason(), "bad-csv");
    EXPECT_TRUE(rows.error().detail().starts_with("line 2: ")) << rows.error().detail();
  }
}

TEST(CsvReader, CountsTheLinesInsideQuotes) {
  auto rows = read("\"a\nb\"\nc\"", 1);
  EXPECT_TRUE(rows.error().detail().starts_with("line 3: ")) << rows.error().detail();
}

TEST(CsvReader, HoldsItsLimits) {
  EXPECT_TRUE(read(std::string(kCsvCellMax, 'x'), 4096));
  EXPECT_FALSE(read(std::string(kCsvCellMax + 1, 'x'), 4096));
  EXPECT_TRUE(read(std::string(kCsvColumnsMax - 1, ','), 4096));
  EXPECT_FALSE(read(std::string(kCsvColumnsMax, ','), 4096));
}

TEST(CsvWriter, QuotesOnlyWhatNeedsQuotes) {
  std::string out;
  append_csv_row(out, {"a", "b,c", "say \"x\"", "two\nlines", "", " spaced "});
  EXPECT_EQ(out, "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",, spaced \r\n");
  EXPECT_EQ(*read(out, 3), (std::vector<CsvRow>{{"a", "b,c", "say \"x\"", "two\nlines", "", " spaced "}}));
}

TEST(CsvWriter, DisarmsFormulasAndLeavesNumbersAlone) {
  std::string out;
  append_csv_row(out, {"-7", "-7.50", "=1+1", "+1", "-x", "@cmd", "\tx", "2013-12-26"});
  EXPECT_EQ(out, "-7,-7.50,'=1+1,'+1,'-x,'@cmd,'\tx,2013-12-26\r\n");
}

}  // namespace
}  // namespace epro
