// SPDX-License-Identifier: MIT
#include <apps/epro/intake/submissions.hpp>

#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Result;
using sluice::WallTime;
using sluice::reservoir::Candidate;
using sluice::reservoir::Entry;
using sluice::reservoir::Key;
using sluice::reservoir::Reservoir;

Key report_key(std::string_view study, const Uuid& id) {
  return sluice::reservoir::key_of({"report", study, id.text()});
}
Key item_key(std::string_view study, const Uuid& id) { return sluice::reservoir::key_of({"vitals", study, id.text()}); }

std::string entry_of(const std::string& study, const Verdict& verdict, const Candidate& candidate,
                     std::string_view body) {
  return encode(ReportEntry{.study = study,
                            .judgement = {.receipt_id = receipt_id_of(candidate.key, candidate.content),
                                          .is_accepted = verdict.findings.empty(),
                                          .flags = verdict.flags,
                                          .findings = verdict.findings},
                            .payload = std::string(body)});
}

}  // namespace

std::string_view to_string(ReportState state) noexcept {
  switch (state) {
    case ReportState::kJournaled: return "journaled";
    case ReportState::kStored: return "stored";
    case ReportState::kQuarantined: return "quarantined";
  }
  return "";
}

Result<Submitted> Submissions::submit(Context& ctx, const PublishedStudy& published, std::string_view body,
                                      Handling handling) {
  const Study& study = published.study();
  SLUICE_TRY(const Envelope report, parse_envelope(sluice::as_bytes(body)));
  const Patient* patient = published.find_patient(report.patient_id);
  if (patient == nullptr)
    return sluice::fail(sluice::Error(Code::kPermissionDenied, "nobody of this study").because("forbidden").at("/patientId"));
  const WallTime received_at = reservoir_.stamp();
  const Verdict verdict = judge(report, study, *patient, received_at, devices_.recall(study.oid, report));
  const Candidate candidate{.key = report_key(study.oid, report.submission_id),
                            .content = sluice::sha256(sluice::as_bytes(body)),
                            .note = encode_note(note_of(report.submission_id, verdict))};
  SLUICE_TRY(auto claim, reservoir_.claim(ctx, std::span(&candidate, 1)));
  const Reservoir::Answer& answer = claim.answers().front();
  if (answer.standing == Reservoir::Standing::kConflict)
    return sluice::fail(sluice::Error(Code::kAborted, "the id was used for another report")
                            .because("submission-id-reused")
                            .at("/submissionId"));
  if (answer.standing == Reservoir::Standing::kKnown)
    return Submitted{receipt_of(candidate.key, answer.entry), false};
  if (handling == Handling::kStrict && !verdict.findings.empty()) {
    const Finding& first = verdict.findings.front();
    // data(): the words are literals.
    return sluice::fail(sluice::Error(Code::kFailedPrecondition, "refused at the sender's wish")
                            .because(to_string(first.code).data())
                            .at(first.pointer));
  }
  SLUICE_TRY(auto position,
             reservoir_.append(ctx, std::move(claim), static_cast<std::uint8_t>(EntryType::kReport), received_at,
                               entry_of(study.oid, verdict, candidate, body)));
  devices_.remember(study.oid, report);
  return Submitted{receipt_of(candidate.key, Entry{position, received_at, candidate.content, candidate.note}), true};
}

std::optional<FoundReceipt> Submissions::find(std::string_view study, std::string_view id) {
  if (auto submission = parse_uuid(id)) {
    auto found = find(report_key(study, *submission));
    return found ? found : find(item_key(study, *submission));
  }
  auto key = parse_receipt_id(id);
  if (!key) return std::nullopt;
  auto found = find(*key);
  if (!found || found->receipt.id != id) return std::nullopt;
  // A receipt id alone says nothing of its study.
  const Uuid& submission = found->receipt.note.submission_id;
  if (*key != report_key(study, submission) && *key != item_key(study, submission)) return std::nullopt;
  return found;
}

std::optional<FoundReceipt> Submissions::find(const Key& key) {
  auto entry = reservoir_.find(key);
  if (!entry || !decode_note(entry->note)) return std::nullopt;  // a study's publication has no note
  FoundReceipt found{.receipt = receipt_of(key, *entry)};
  if (entry->position <= reservoir_.drained())
    found.state = found.receipt.note.disposition == Disposition::kAccepted ? ReportState::kStored
                                                                          : ReportState::kQuarantined;
  return found;
}

Receipt Submissions::receipt_of(const Key& key, const Entry& entry) const {
  auto note = decode_note(entry.note);
  SLUICE_ASSERT(note.has_value(), "we have written every note under such a key");
  return {.id = receipt_id_of(key, entry.content),
          .note = *std::move(note),
          .received_at = entry.received_at,
          .payload_sha256 = entry.content,
          .journal = {node_, entry.position}};
}

}  // namespace epro
