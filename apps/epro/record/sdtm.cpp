// SPDX-License-Identifier: MIT
// SDTM's vital signs in our terms: tests are LOINC codes, units are UCUM's. Source: SDTMIG 3.3, domain VS, and CDISC's
// controlled terminology for VSTESTCD and VSRESU; of the latter also the upper-case spellings of the pilot study.
#include <apps/epro/record/sdtm.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <apps/epro/record/datapoint.hpp>
#include <apps/epro/record/study.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using sluice::Result;

struct VsTest {
  std::string_view code;
  std::string_view name;
  Vital vital;
};

/// Of the two tests that are one vital sign the first is what we write for a measurement of our own.
constexpr std::array kTests = {
    VsTest{"HR", "Heart Rate", Vital::kHeartRate},
    VsTest{"PULSE", "Pulse Rate", Vital::kHeartRate},
    VsTest{"SYSBP", "Systolic Blood Pressure", Vital::kSystolic},
    VsTest{"DIABP", "Diastolic Blood Pressure", Vital::kDiastolic},
    VsTest{"RESP", "Respiratory Rate", Vital::kRespiratoryRate},
    VsTest{"OXYSAT", "Oxygen Saturation", Vital::kSpo2},
    VsTest{"TEMP", "Temperature", Vital::kTemperature},
    VsTest{"WEIGHT", "Weight", Vital::kWeight},
    VsTest{"HEIGHT", "Height", Vital::kHeight},
};

struct VsUnit {
  std::string_view sdtm;
  Vital vital;
  std::string_view ucum;
};

/// Of several spellings of one unit the first is what we write for a measurement of our own.
constexpr std::array kUnits = {
    VsUnit{"beats/min", Vital::kHeartRate, "/min"},
    VsUnit{"BEATS/MIN", Vital::kHeartRate, "/min"},
    VsUnit{"mmHg", Vital::kSystolic, "mm[Hg]"},
    VsUnit{"kPa", Vital::kSystolic, "kPa"},
    VsUnit{"mmHg", Vital::kDiastolic, "mm[Hg]"},
    VsUnit{"kPa", Vital::kDiastolic, "kPa"},
    VsUnit{"breaths/min", Vital::kRespiratoryRate, "/min"},
    VsUnit{"BREATHS/MIN", Vital::kRespiratoryRate, "/min"},
    VsUnit{"%", Vital::kSpo2, "%"},
    VsUnit{"C", Vital::kTemperature, "Cel"},
    VsUnit{"F", Vital::kTemperature, "[degF]"},
    VsUnit{"kg", Vital::kWeight, "kg"},
    VsUnit{"g", Vital::kWeight, "g"},
    VsUnit{"LB", Vital::kWeight, "[lb_av]"},
    VsUnit{"cm", Vital::kHeight, "cm"},
    VsUnit{"in", Vital::kHeight, "[in_i]"},
    VsUnit{"IN", Vital::kHeight, "[in_i]"},
};

constexpr std::string_view kNotDone = "NOT DONE";
constexpr std::string_view kNotPerformed = "not-performed";  // FHIR's data-absent-reason for it

struct VsColumn {
  std::string_view name;
  std::string VsRow::* member;  ///< null: VSSEQ, the only number
  bool is_required;
};

constexpr std::array<VsColumn, 10> kColumns = {{
    {"STUDYID", &VsRow::study, true},
    {"USUBJID", &VsRow::subject, true},
    {"VSSEQ", nullptr, true},
    {"VSTESTCD", &VsRow::test_code, true},
    {"VSPOS", &VsRow::position, false},
    {"VSORRES", &VsRow::value, true},
    {"VSORRESU", &VsRow::unit, true},
    {"VSSTAT", &VsRow::status, false},
    {"VSREASND", &VsRow::reason, false},
    {"VSDTC", &VsRow::date, true},
}};

std::unexpected<sluice::Error> refuse(std::string_view column, std::string_view why) {
  return sluice::fail(sluice::Error(sluice::Code::kInvalidArgument, std::string(why))
                          .with(column)
                          .because("bad-vs")
                          .at(std::string(column)));
}

Result<std::int64_t> parse_seq(std::string_view text) {
  std::int64_t seq = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || seq < 1) return refuse("VSSEQ", "is no number of 1 or more");
  return seq;
}

/// The instant that a date stands for. Noon UTC is on the same calendar day nearly everywhere on earth.
Result<Timestamp> effective_time(const std::string& date) {
  for (const std::string& text : {date, date + "T12:00:00Z", date + "Z"})
    if (auto time = parse_timestamp(text)) return *time;
  return refuse("VSDTC", "is neither a date nor a time");
}

const VsTest* find_test(std::string_view code) {
  const auto* found = std::ranges::find(kTests, code, &VsTest::code);
  return found == kTests.end() ? nullptr : found;
}

const VsUnit* find_vs_unit(std::string_view sdtm, Vital vital) {
  const auto* found = std::ranges::find_if(kUnits, [&](const VsUnit& u) { return u.sdtm == sdtm && u.vital == vital; });
  return found == kUnits.end() ? nullptr : found;
}

Result<Measurement> measured(const VsRow& row, Vital vital) {
  if (!row.status.empty()) return refuse("VSSTAT", "contradicts VSORRES");
  if (!row.reason.empty()) return refuse("VSREASND", "contradicts VSORRES");
  if (!number_of(row.value)) return refuse("VSORRES", "is not written as a number of JSON is, or too large");
  const VsUnit* unit = find_vs_unit(row.unit, vital);
  if (unit == nullptr) return refuse("VSORRESU", "is no unit that we know for this test");
  Measurement measurement{vital, {ValueKind::kNumber, row.value}, {}, {}};
  if (!describe(vital).unit_field.empty()) measurement.unit = {ValueKind::kText, std::string(unit->ucum)};
  return measurement;
}

Result<Measurement> not_done(const VsRow& row, Vital vital) {
  if (row.status != kNotDone) return refuse("VSSTAT", "does not say why there is no VSORRES");
  // Our own word for "no reason was given" would come back as none.
  if (row.reason == kNotPerformed || !(row.reason.empty() || is_identifier(row.reason)))
    return refuse("VSREASND", "is a text that we cannot keep");
  std::string reason = row.reason.empty() ? std::string(kNotPerformed) : row.reason;
  return Measurement{vital, {}, {}, {ValueKind::kText, std::move(reason)}};
}

std::string sdtm_unit(Vital vital, std::string_view ucum) {
  const auto* found = std::ranges::find_if(kUnits, [&](const VsUnit& u) { return u.ucum == ucum && u.vital == vital; });
  return found == kUnits.end() ? std::string() : std::string(found->sdtm);
}

/// A source comes over the wire, so it may say anything; what contradicts the stored value would falsify an export.
bool is_source_of(const SdtmSource& source, const Datapoint& point, Vital vital) {
  const VsTest* test = find_test(source.test_code);
  if (test == nullptr || test->vital != vital) return false;
  if (point.value.kind == ValueKind::kMissing) return true;
  const VsUnit* unit = find_vs_unit(source.unit, vital);
  return unit != nullptr && unit->ucum == point.unit;
}

std::string shortest(double number) {
  char digits[32];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  return std::string(digits, end);
}

void set_result(VsRow& row, const Datapoint& point, Vital vital) {
  if (point.value.kind == ValueKind::kMissing) {
    row.status = kNotDone;
    if (point.absent_reason != kNotPerformed) row.reason = point.absent_reason;
    return;
  }
  row.value = point.value.text;
  row.unit = sdtm_unit(vital, point.unit);
  if (!point.std_number) return;
  row.std_value = shortest(*point.std_number);
  row.std_unit = sdtm_unit(vital, point.std_unit);
}

}  // namespace

Result<VsColumns> VsColumns::of(const CsvRow& header) {
  static_assert(kColumns.size() == kFields);
  VsColumns columns;
  columns.width_ = header.size();
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    auto found = std::ranges::find(header, kColumns[i].name);
    if (found == header.end()) {
      if (kColumns[i].is_required) return refuse(kColumns[i].name, "is missing");
      continue;
    }
    if (std::find(found + 1, header.end(), kColumns[i].name) != header.end())
      return refuse(kColumns[i].name, "is there twice");
    columns.places_[i] = static_cast<std::size_t>(found - header.begin());
  }
  return columns;
}

Result<VsRow> VsColumns::read(const CsvRow& cells) const {
  if (cells.size() != width_) return refuse("the row", "has another number of cells than the header");
  VsRow row;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    if (!places_[i]) continue;
    const std::string& cell = cells[*places_[i]];
    if (kColumns[i].member != nullptr) {
      row.*kColumns[i].member = cell;
    } else {
      SLUICE_TRY(row.seq, parse_seq(cell));
    }
  }
  return row;
}

Result<VitalsItem> item_of(const VsRow& row, const Uuid& patient_id) {
  const VsTest* test = find_test(row.test_code);
  if (test == nullptr) return refuse("VSTESTCD", "is no test that we know");
  SLUICE_TRY(Timestamp time, effective_time(row.date));
  SLUICE_TRY(Measurement measurement, row.value.empty() ? not_done(row, test->vital) : measured(row, test->vital));
  if (!row.position.empty() && !is_identifier(row.position)) return refuse("VSPOS", "is a text that we cannot keep");
  VitalsItem item;
  item.id = derive_uuid({"vs", row.study, row.subject, std::to_string(row.seq)});
  item.patient_id = patient_id;
  item.effective_at = time;
  item.measurements.push_back(std::move(measurement));
  if (!row.position.empty()) item.position = {ValueKind::kText, row.position};
  item.sdtm = SdtmSource{row.seq, row.test_code, row.unit, row.date};
  item.canonical = canonical_text(item);
  return item;
}

std::optional<VsRow> vs_row_of(const Datapoint& point, const std::optional<SdtmSource>& source, std::string_view study,
                               std::string_view subject) {
  const auto* test = std::ranges::find_if(kTests, [&](const VsTest& t) { return describe(t.vital).loinc == point.code; });
  if (test == kTests.end()) return std::nullopt;
  VsRow row;
  row.study = study;
  row.subject = subject;
  row.test_code = test->code;
  row.position = point.position;
  row.date = point.effective_text;
  set_result(row, point, test->vital);
  if (!source || !is_source_of(*source, point, test->vital)) return row;
  row.seq = source->seq;
  row.test_code = source->test_code;
  row.unit = source->unit;
  row.date = source->date;
  return row;
}

CsvRow vs_header() {
  return {"STUDYID",  "DOMAIN",   "USUBJID",  "VSSEQ",  "VSTESTCD", "VSTEST", "VSPOS",    "VSORRES",
          "VSORRESU", "VSSTRESC", "VSSTRESN", "VSSTRESU", "VSSTAT", "VSREASND", "VSDTC"};
}

CsvRow vs_cells(const VsRow& row) {
  const VsTest* test = find_test(row.test_code);
  return {row.study,
          "VS",
          row.subject,
          std::to_string(row.seq),
          row.test_code,
          test == nullptr ? std::string() : std::string(test->name),
          row.position,
          row.value,
          row.unit,
          row.std_value,
          row.std_value,
          row.std_unit,
          row.status,
          row.reason,
          row.date};
}

}  // namespace epro
