// SPDX-License-Identifier: MIT
#include <apps/epro/intake/vitals.hpp>

#include <algorithm>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/schema/json_value.hpp>

#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/judge_vitals.hpp>
#include <apps/epro/record/receipt.hpp>
#include <apps/epro/record/timestamp.hpp>

namespace epro {

using sluice::Context;
using sluice::Result;
using sluice::WallTime;
using sluice::reservoir::Candidate;
using sluice::reservoir::Reservoir;
using sluice::schema::Json;

/// An item that is one, on its way in.
struct Vitals::Judged {
  ItemResult* result;  // in the caller's list
  VitalsItemEntry entry;
  Candidate candidate;
};

namespace {

ItemResult invalid(std::string id, std::string_view code, std::string_view pointer) {
  ItemResult result;  // which is invalid until more is known
  result.id = std::move(id);
  result.code = code;
  result.pointer = pointer;
  return result;
}

// The item's entry in the journal, and its result if it turns out to be new.
VitalsItemEntry judged_entry(const VitalsItem& item, const VitalsVerdict& verdict, ItemResult& result) {
  result.id = item.id.text();
  result.outcome = verdict.findings.empty() ? ItemOutcome::kCreated : ItemOutcome::kQuarantined;
  if (!verdict.findings.empty()) {
    result.code = to_string(verdict.findings.front().code);
    result.pointer = verdict.findings.front().pointer;
  }
  result.flags = verdict.flags;
  for (const Alert& alert : verdict.alerts) result.alerts.emplace_back(alert.rule);
  return {.id = result.id,
          .patient_id = item.patient_id.text(),
          .new_subject_key = {},
          .judgement = {.receipt_id = {},
                        .is_accepted = verdict.findings.empty(),
                        .flags = verdict.flags,
                        .findings = verdict.findings},
          .alerts = result.alerts,
          .payload = item.canonical};
}

Candidate candidate_of(const std::string& study, const VitalsItem& item, const VitalsVerdict& verdict) {
  return {.key = sluice::reservoir::key_of({"vitals", study, item.id.text()}),
          .content = sluice::sha256(sluice::as_bytes(item.canonical)),
          .note = encode_note({.submission_id = item.id,
                               .disposition = verdict.findings.empty() ? Disposition::kAccepted
                                                                       : Disposition::kQuarantined,
                               .flags = verdict.flags,
                               .findings = verdict.findings,
                               .skew = std::nullopt})};
}

// What the item is instead, if it was not new.
void settle(const Reservoir::Answer& answer, ItemResult& result) {
  ItemResult settled;
  settled.id = std::move(result.id);
  bool is_conflict = answer.standing == Reservoir::Standing::kConflict;
  settled.outcome = is_conflict ? ItemOutcome::kConflict : ItemOutcome::kDuplicate;
  if (is_conflict) settled.code = "submission-id-reused";
  result = std::move(settled);
}

bool is_good(const ItemResult& result) noexcept {
  return result.outcome == ItemOutcome::kCreated || result.outcome == ItemOutcome::kDuplicate;
}

}  // namespace

std::string_view to_string(ItemOutcome outcome) noexcept {
  switch (outcome) {
    case ItemOutcome::kCreated: return "created";
    case ItemOutcome::kDuplicate: return "duplicate";
    case ItemOutcome::kConflict: return "conflict";
    case ItemOutcome::kInvalid: return "invalid";
    case ItemOutcome::kQuarantined: return "quarantined";
  }
  return "";
}

Result<BatchResult> Vitals::submit(Context& ctx, const PublishedStudy& published,
                                   std::span<const Result<VitalsItem>> items, BatchMode mode) {
  const Study& study = published.study();
  const WallTime received_at = reservoir_.stamp();
  BatchResult batch{.items = std::vector<ItemResult>(items.size())};
  std::vector<Judged> judged;
  judged.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    ItemResult& result = batch.items[i];
    if (!items[i]) {
      result = invalid({}, items[i].error().reason(), items[i].error().field());
      continue;
    }
    const VitalsItem& item = *items[i];
    const Patient* patient = published.find_patient(item.patient_id);
    if (patient == nullptr) {
      result = invalid(item.id.text(), "forbidden", "/patientId");
      continue;
    }
    auto verdict = judge_vitals(item, study, *patient, received_at);
    judged.push_back({&result, judged_entry(item, verdict, result), candidate_of(study.oid, item, verdict)});
  }
  SLUICE_TRY(auto claimed, claim(ctx, judged));
  batch.is_taken = mode == BatchMode::kIndependent || std::ranges::all_of(batch.items, is_good);
  if (batch.is_taken) SLUICE_TRY(append(ctx, study.oid, judged, std::move(claimed), received_at));
  return batch;
}

/// Asks who of them is new; the others' results say so.
Result<Reservoir::Claim> Vitals::claim(Context& ctx, std::span<Judged> judged) {
  std::vector<Candidate> candidates;
  candidates.reserve(judged.size());
  for (const Judged& each : judged) candidates.push_back(each.candidate);
  SLUICE_TRY(auto claim, reservoir_.claim(ctx, candidates));
  for (std::size_t i = 0; i < judged.size(); ++i)
    if (claim.answers()[i].standing != Reservoir::Standing::kNew) settle(claim.answers()[i], *judged[i].result);
  return claim;
}

Result<void> Vitals::append(Context& ctx, const std::string& study, std::span<Judged> judged, Reservoir::Claim claim,
                            WallTime received_at) {
  VitalsEntry entry{.study = study, .items = {}};
  for (std::size_t i = 0; i < judged.size(); ++i) {
    if (claim.answers()[i].standing != Reservoir::Standing::kNew) continue;
    const Candidate& candidate = judged[i].candidate;
    judged[i].entry.judgement.receipt_id = receipt_id_of(candidate.key, candidate.content);
    entry.items.push_back(std::move(judged[i].entry));
  }
  if (entry.items.empty()) return {};
  SLUICE_TRY(reservoir_.append(ctx, std::move(claim), static_cast<std::uint8_t>(EntryType::kVitals), received_at,
                               encode(entry)));
  return {};
}

Result<ItemResult> Vitals::submit_heart_rate(Context& ctx, const PublishedStudy& published,
                                             std::string_view subject_key, std::int64_t per_minute, const Uuid& id) {
  SLUICE_ASSERT(is_identifier(subject_key), "the caller has checked it");
  const Study& study = published.study();
  const WallTime received_at = reservoir_.stamp();
  Patient unknown;
  unknown.id = patient_id_of(study.oid, subject_key);
  unknown.subject_key = subject_key;
  const Patient* known = published.find_patient(unknown.id);
  Json json = Json::object();
  json.add("id", Json::string(id.text())).add("patientId", Json::string(unknown.id.text()));
  json.add("effectiveAt", Json::string(format_timestamp(received_at))).add("heartRate", Json::number(per_minute));
  auto item = read_vitals_item(json);
  SLUICE_ASSERT(item.has_value(), "we have just written it");
  ItemResult result;
  auto verdict = judge_vitals(*item, study, known ? *known : unknown, received_at);
  Judged judged{&result, judged_entry(*item, verdict, result), candidate_of(study.oid, *item, verdict)};
  if (known == nullptr) judged.entry.new_subject_key = unknown.subject_key;
  SLUICE_TRY(auto claimed, claim(ctx, std::span(&judged, 1)));
  SLUICE_TRY(append(ctx, study.oid, std::span(&judged, 1), std::move(claimed), received_at));
  return result;
}

}  // namespace epro
