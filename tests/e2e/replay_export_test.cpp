// SPDX-License-Identifier: MIT
//
// A data set goes in as vital signs and comes out as the same data set: on CDISC's pilot 01 where ../shared has it, else on
// a small file of our own.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <zlib.h>

#include <gtest/gtest.h>

#include "e2e/epro_process.hpp"

namespace sluice::e2e {
namespace {

using Row = std::vector<std::string>;
// What has to come back, by (subject, sequence number): test code, value as written, unit, date.
using Table = std::map<std::pair<std::string, std::string>, Row>;

constexpr const char* kOwnFile =
    "STUDYID,DOMAIN,USUBJID,VSSEQ,VSTESTCD,VSTEST,VSPOS,VSORRES,VSORRESU,VSSTAT,VSDTC\n"
    "OWN-1,VS,OWN-1-001,1,SYSBP,Systolic Blood Pressure,SUPINE,121,mmHg,,2013-12-26\n"
    "OWN-1,VS,OWN-1-001,2,DIABP,Diastolic Blood Pressure,SUPINE,79,mmHg,,2013-12-26\n"
    "OWN-1,VS,OWN-1-001,3,PULSE,Pulse Rate,SUPINE,72,BEATS/MIN,,2013-12-26T20:00:00\n"
    "OWN-1,VS,OWN-1-001,4,TEMP,Temperature,,98.0,F,,2013-12-26\n"
    "OWN-1,VS,OWN-1-002,1,WEIGHT,Weight,,180.0,LB,,2014-01-02\n"
    "OWN-1,VS,OWN-1-002,2,HEIGHT,Height,,58.00,IN,,2014-01-02\n"
    "OWN-1,VS,OWN-1-002,3,SYSBP,\"Systolic, again\",STANDING,130,mmHg,,2014-01-02\n";

// A second reader of CSV, apart from the one under test.
std::vector<Row> parse_csv(const std::string& text) {
  std::vector<Row> rows(1, Row(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c != '"') {
        rows.back().back().push_back(c);
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back().push_back(text[++i]);
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.emplace_back(1);
    } else if (c != '\r') {
      rows.back().back().push_back(c);
    }
  }
  if (rows.back() == Row(1)) rows.pop_back();
  return rows;
}

Table table_of(const std::string& csv) {
  Table table;
  auto rows = parse_csv(csv);
  if (rows.empty()) return table;
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < rows[0].size(); ++i) at[rows[0][i]] = i;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    auto cell = [&](const char* column) { return rows[i].at(at.at(column)); };
    Row row{cell("VSTESTCD"), cell("VSORRES"), cell("VSORRESU"), cell("VSDTC")};
    EXPECT_TRUE(table.emplace(std::pair(cell("USUBJID"), cell("VSSEQ")), row).second) << "twice: row " << i;
  }
  return table;
}

std::string read_whole(const std::filesystem::path& file) {  // gzip or not
  std::string text;
  gzFile in = ::gzopen(file.c_str(), "rb");
  if (in == nullptr) return text;
  char buffer[65536];
  for (int n; (n = ::gzread(in, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::gzclose(in);
  return text;
}

std::filesystem::path input_file(const ScratchFolder& folder) {
  auto pilot = std::filesystem::path(SLUICE_SHARED_DATA) / "e-cdisc" / "pilot01" / "vs.csv.gz";
  if (std::filesystem::exists(pilot)) return pilot;
  auto own = folder.path() / "vs.csv";
  std::ofstream(own) << kOwnFile;
  return own;
}

TEST(ReplayExport, ADataSetComesOutAsItWentInAndASecondReplayStoresNothing) {
  ScratchFolder folder;
  EproProcess epro(folder.path());
  ASSERT_TRUE(epro.is_running());
  const auto file = input_file(folder);
  const Table input = table_of(read_whole(file));
  ASSERT_FALSE(input.empty());
  const std::string count = std::to_string(input.size());

  Finished first = run_epro({"replay", file.string(), "--url", epro.url()});
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_NE(first.output.find(count + " created"), std::string::npos) << first.output;
  Finished second = run_epro({"replay", file.string(), "--url", epro.url()});
  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_NE(second.output.find(" 0 created, " + count + " duplicate"), std::string::npos) << second.output;

  // Each question is a round trip, during which it drains. Bounded by the test's limit.
  while (ask(epro.admin_port(), "GET", "/metrics").find("\nreservoir_depth_records 0\n") == std::string::npos) {}
  EXPECT_EQ(epro.terminate(), 0);
  const std::string data = (folder.path() / "data").string();
  Finished verified = run_epro({"verify", "--data", data});
  EXPECT_EQ(verified.status, 0) << verified.output;
  Finished exported = run_epro({"export", "vs", "--csv", "-", "--data", data});
  EXPECT_EQ(exported.status, 0);
  const Table output = table_of(exported.output);
  EXPECT_EQ(output.size(), input.size());
  for (const auto& [key, row] : input) {
    auto at = output.find(key);
    ASSERT_NE(at, output.end()) << key.first << " " << key.second;
    ASSERT_EQ(at->second, row) << key.first << " " << key.second;
  }
}

}  // namespace
}  // namespace sluice::e2e
