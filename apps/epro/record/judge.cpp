// SPDX-License-Identifier: MIT
#include <apps/epro/record/judge.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>

#include <sluice/base/assert.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/plausibility.hpp>
#include <apps/epro/record/study.hpp>

namespace epro {
namespace {

using std::chrono::milliseconds;

// ---- the answers ----

/// What comes of one answer.
struct AnswerVerdict {
  std::optional<Finding> finding;  ///< its pointer is relative to the answer
  bool is_out_of_range = false;
};

AnswerVerdict found(FindingCode code, const char* member) { return {Finding{code, member}}; }

std::size_t code_points(std::string_view utf8) {
  auto begins_one = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(utf8, begins_one));
}

bool has_type(const Value& value, ItemType type) {
  switch (type) {
    case ItemType::kInteger:
    case ItemType::kDecimal: return value.kind == ValueKind::kNumber;
    case ItemType::kBoolean: return value.kind == ValueKind::kBoolean;
    case ItemType::kChoice: return value.kind == ValueKind::kText || value.kind == ValueKind::kNumber;
    case ItemType::kText: return value.kind == ValueKind::kText;
  }
  SLUICE_ASSERT(false, "every item type takes some values");
  return false;
}

bool is_allowed_text(std::string_view text, std::size_t length_max) {
  // Databases end a text at U+0000, and no keyboard types it.
  return !text.contains('\0') && code_points(text) <= (length_max == 0 ? kTextLengthMax : length_max);
}

/// Whether an answer to `item` may be given in `unit`: its own, or one that converts into it.
bool is_known_unit(std::string_view unit, const ItemDefinition& item) {
  if (unit == item.unit) return true;
  const Unit* written = find_unit(unit);
  const Unit* reference = find_unit(item.unit);
  return written != nullptr && reference != nullptr && written->quantity == reference->quantity;
}

/// `written` is the unit of the answer, null if it is the item's own; `reference` is the item's, null if it is none of
/// those that convert.
Plausibility judge_ranges(double number, const Unit* written, const Unit* reference, const ItemDefinition& item) {
  const Range possible = item.possible.value_or(Range{});
  const Range plausible = item.plausible.value_or(possible);
  if (reference == nullptr) return judge_number(number, plausible, possible);
  return judge_measurement(number, written == nullptr ? *reference : *written, *reference, plausible, possible);
}

/// Requires: the answer's unit is known, and its value a number.
AnswerVerdict judge_number_answer(const Answer& answer, const ItemDefinition& item) {
  std::optional<double> number = number_of(answer.value.text);
  if (!number) return found(FindingCode::kValueNotAllowed, "/value");
  if (item.type == ItemType::kInteger && std::trunc(*number) != *number) return found(FindingCode::kValueType, "/value");

  const Unit* reference = find_unit(item.unit);
  const Unit* written = find_unit(answer.unit.text);
  double in_unit = written == nullptr ? *number : convert(*number, *written, *reference);
  if (item.range && !item.range->contains(in_unit)) return found(FindingCode::kValueNotAllowed, "/value");
  switch (judge_ranges(*number, written, reference, item)) {
    case Plausibility::kPlausible: return {};
    case Plausibility::kUnlikely: return {.finding = {}, .is_out_of_range = true};
    case Plausibility::kImpossible: return found(FindingCode::kValueNotAllowed, "/value");
    case Plausibility::kWrongUnit: return found(FindingCode::kUnitImplausible, "/value");
  }
  SLUICE_ASSERT(false, "every plausibility has a verdict");
  return {};
}

AnswerVerdict judge_value(const Answer& answer, const ItemDefinition& item) {
  if (!has_type(answer.value, item.type)) return found(FindingCode::kValueType, "/value");
  const std::string& text = answer.value.text;
  switch (item.type) {
    case ItemType::kBoolean: return {};
    case ItemType::kInteger:
    case ItemType::kDecimal: return judge_number_answer(answer, item);
    case ItemType::kText:
      if (is_allowed_text(text, item.max_length)) return {};
      break;
    case ItemType::kChoice:
      if (std::ranges::find(item.options, text) != item.options.end()) return {};
      break;
  }
  return found(FindingCode::kValueNotAllowed, "/value");
}

AnswerVerdict judge_answer(const Answer& answer, const ItemDefinition* item) {
  if (item == nullptr) return found(FindingCode::kItemUnknown, "/linkId");
  if (answer.absent.kind != ValueKind::kMissing) {
    if (answer.absent.kind != ValueKind::kText) return found(FindingCode::kValueType, "/absent");
    if (!is_identifier(answer.absent.text)) return found(FindingCode::kValueNotAllowed, "/absent");
    if (answer.value.kind != ValueKind::kMissing) return found(FindingCode::kValueNotAllowed, "/absent");
  }
  if (answer.unit.kind != ValueKind::kMissing) {
    if (answer.unit.kind != ValueKind::kText) return found(FindingCode::kValueType, "/unit");
    if (!is_known_unit(answer.unit.text, *item)) return found(FindingCode::kUnitUnknown, "/unit");
  }
  if (answer.value.kind == ValueKind::kMissing) return {};
  return judge_value(answer, *item);
}

void judge_answers(const std::vector<Answer>& answers, const Instrument& instrument, Verdict& verdict) {
  std::unordered_set<std::string_view> answered;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    AnswerVerdict result = judge_answer(answer, find_item(instrument, answer.link_id));
    // Which of two answers to one question holds is for a person to say.
    if (!answered.insert(answer.link_id).second) result = found(FindingCode::kValueNotAllowed, "/linkId");
    if (result.is_out_of_range) verdict.flags.add(Flag::kOutOfRange);
    if (result.finding)
      verdict.findings.push_back({result.finding->code, "/items/" + std::to_string(i) + result.finding->pointer});
  }
}

// ---- the cover ----

bool is_withdrawn(const Patient& patient, const Envelope& report) {
  if (patient.status != PatientStatus::kWithdrawn) return false;
  bool captured_before = patient.withdrawn_at && report.captured_at && report.captured_at->at < *patient.withdrawn_at;
  return !captured_before;
}

/// The instrument to judge the answers by; nothing, and a finding, if the study has none such.
const Instrument* judge_instrument(const Envelope& report, const Study& study, Verdict& verdict) {
  const Instrument* instrument = find_instrument(study, report.instrument_oid, report.instrument_version);
  if (instrument == nullptr)
    verdict.findings.push_back({FindingCode::kInstrumentVersionUnknown, "/instrument/version"});
  return instrument;
}

// ---- the times ----

void judge_clock(const Envelope& report, const Study& study, sluice::WallTime received_at, Verdict& verdict) {
  if (report.sent_at) {
    verdict.skew = std::chrono::floor<milliseconds>(received_at - report.sent_at->at);
    if (std::chrono::abs(*verdict.skew) > study.skew_flag) verdict.flags.add(Flag::kClockSkew);
  }
  if (report.captured_at && report.captured_at->at > received_at + kFutureTolerance) verdict.flags.add(Flag::kFuture);
}

void judge_window(sluice::WallTime captured_at, sluice::WallTime received_at, const Study& study, const Memory& memory,
                  Flags& flags) {
  if (!memory.knows_windows) return;
  if (!memory.window) return flags.add(Flag::kUnscheduled);
  if (memory.window->has_report) flags.add(Flag::kDuplicateWindow);
  if (captured_at > memory.window->closes_at + study.late_grace) return flags.add(Flag::kLate);
  if (received_at - captured_at > kDeliveryExpected) flags.add(Flag::kDeliveredLate);
}

void judge_memory(const Envelope& report, const Study& study, sluice::WallTime received_at, const Memory& memory,
                  Flags& flags) {
  if (memory.holder_of_seq && *memory.holder_of_seq != report.submission_id) flags.add(Flag::kDeviceSeqReused);
  if (!report.captured_at) return;
  if (memory.previous_offset && *memory.previous_offset != report.captured_at->offset) flags.add(Flag::kTzChanged);
  judge_window(report.captured_at->at, received_at, study, memory, flags);
}

}  // namespace

std::string_view to_string(Disposition disposition) noexcept {
  switch (disposition) {
    case Disposition::kAccepted: return "accepted";
    case Disposition::kQuarantined: return "quarantined";
  }
  SLUICE_ASSERT(false, "every disposition has a word");
  return {};
}

Verdict judge(const Envelope& report, const Study& study, const Patient& patient, sluice::WallTime received_at,
              const Memory& memory) {
  SLUICE_ASSERT(report.patient_id == patient.id, "the report is judged for the patient that it names");
  Verdict verdict;
  if (is_withdrawn(patient, report)) verdict.findings.push_back({FindingCode::kPatientWithdrawn, "/patientId"});
  if (!report.captured_at) verdict.findings.push_back({report.captured_at.error(), "/capturedAt"});
  if (!report.sent_at) verdict.findings.push_back({report.sent_at.error(), "/sentAt"});
  const Instrument* instrument = judge_instrument(report, study, verdict);
  if (report.answers.empty()) verdict.findings.push_back({FindingCode::kEmpty, "/items"});
  if (instrument != nullptr) judge_answers(report.answers, *instrument, verdict);
  judge_clock(report, study, received_at, verdict);
  judge_memory(report, study, received_at, memory, verdict.flags);
  return verdict;
}

}  // namespace epro
