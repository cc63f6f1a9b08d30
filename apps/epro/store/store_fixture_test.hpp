// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/reservoir.hpp>

#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/receipt.hpp>
#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/study_json.hpp>
#include <apps/epro/store/store.hpp>

// Records as the intake writes them, and a database to put them into.

namespace epro {

inline constexpr const char* kJournal = "journal-1";

inline std::string numbered_id(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "11111111-1111-4111-8111-%012llx", static_cast<unsigned long long>(number));
  return text;
}

/// What it takes to make one record.
struct Made {
  std::vector<sluice::reservoir::Candidate> candidates;  ///< of its keys
  EntryType type = EntryType::kReport;
  std::string payload;

  [[nodiscard]] sluice::reservoir::Record at(sluice::reservoir::Position position) const {
    sluice::reservoir::Record record{
        .position = position, .received_at = kReceived, .type = static_cast<std::uint8_t>(type), .payload = payload};
    for (const auto& candidate : candidates) record.keys.push_back(candidate.key);
    return record;
  }
};

inline sluice::Sha256 hash_of(std::string_view text) { return sluice::sha256(sluice::as_bytes(text)); }

inline Judgement judgement_of(const sluice::reservoir::Candidate& candidate, std::vector<Finding> findings = {}) {
  const bool is_accepted = findings.empty();
  return {receipt_id_of(candidate.key, candidate.content), is_accepted, {}, std::move(findings)};
}

inline Made study_entry(const Study& study = demo_study(), std::uint64_t revision = 1) {
  std::string payload = encode(StudyEntry{revision, canonical_text(study)});
  auto key = sluice::reservoir::key_of({"study", study.oid, std::to_string(revision)});
  return {{{.key = key, .content = hash_of(payload)}}, EntryType::kStudy, payload};
}

/// A diary with this number as its id; findings quarantine it.
inline Made report_entry(std::uint64_t number, std::vector<Finding> findings = {}, std::string_view answers = {}) {
  std::string body = answers.empty() ? diary_json() : diary_json(answers);
  body.replace(body.find("6D0F2C8E-5D1A-4C55-9A57-000000000001"), 36, numbered_id(number));
  sluice::reservoir::Candidate candidate{.key = sluice::reservoir::key_of({"report", "DEMO", numbered_id(number)}),
                                         .content = hash_of(body),
                                         .note = "a note"};
  return {{candidate}, EntryType::kReport, encode(ReportEntry{"DEMO", judgement_of(candidate, std::move(findings)), body})};
}

/// An item of a batch. `measurements` are members of its JSON.
inline VitalsItemEntry vitals_item(std::uint64_t number, std::string_view measurements,
                                   const Uuid& patient = kPatientId) {
  VitalsItemEntry entry;
  entry.id = numbered_id(number);
  entry.patient_id = patient.text();
  entry.payload = R"({"id":")" + entry.id + R"(","patientId":")" + entry.patient_id +
                  R"(","effectiveAt":"2026-03-02T20:00:00+01:00",)" + std::string(measurements) + "}";
  return entry;
}

inline Made vitals_entry(std::vector<VitalsItemEntry> items) {
  Made made{.candidates = {}, .type = EntryType::kVitals, .payload = {}};
  for (VitalsItemEntry& item : items) {
    sluice::reservoir::Candidate candidate{.key = sluice::reservoir::key_of({"vitals", "DEMO", item.id}),
                                           .content = hash_of(item.payload),
                                           .note = "a note"};
    item.judgement = judgement_of(candidate, item.judgement.findings);
    made.candidates.push_back(candidate);
  }
  made.payload = encode(VitalsEntry{"DEMO", std::move(items)});
  return made;
}

class StoreTest : public ::testing::Test {
 protected:
  // First: it goes when nothing is open in it any more.
  sluice::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "epro.db"; }
  std::unique_ptr<Store> store(bool may_create = true, std::string journal_id = kJournal) {
    return std::make_unique<Store>(StoreOptions{.file = file(),
                                                .journal_id = std::move(journal_id),
                                                .may_create = may_create,
                                                .busy_wait = sluice::Duration(0)},
                                   Store::Parts{log_, metrics_});
  }
  /// Puts them in at positions 1, 2, …
  static sluice::Result<void> apply(sluice::Context& ctx, Store& store, const std::vector<Made>& entries) {
    std::vector<sluice::reservoir::Record> records;
    for (const Made& made : entries) records.push_back(made.at(records.size() + 1));
    return store.apply(ctx, records);
  }
  /// Runs SQL past the store; the first column of the first row, as text.
  std::string sql(const std::string& text) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    std::string first;
    auto take = [](void* out, int, char** values, char**) {
      auto* result = static_cast<std::string*>(out);
      if (result->empty() && values[0] != nullptr) *result = values[0];
      return 0;
    };
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(handle, text.c_str(), take, &first, &error), SQLITE_OK) << text << ": " << (error ? error : "");
    sqlite3_free(error);
    sqlite3_close(handle);
    return first;
  }

  sluice::ManualClock clock_;
  sluice::observe::Registry metrics_;
  sluice::observe::Logger log_{clock_, metrics_};
};

}  // namespace epro
