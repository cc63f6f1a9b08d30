// SPDX-License-Identifier: MIT
#include <apps/epro/client/diary.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include <sluice/base/assert.hpp>

#include <apps/epro/client/random.hpp>
#include <apps/epro/record/range.hpp>
#include <apps/epro/record/timestamp.hpp>

namespace epro {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::string_view kSite = "701";
constexpr std::string_view kInstrument = "EVD";
constexpr std::string_view kInstrumentVersion = "1";
constexpr minutes kPhoneOffset = hours(1);
// From finalising the report to sending it: the phone has to wake its radio.
constexpr auto kSendDelay = std::chrono::milliseconds(300);

std::string subject_key(std::size_t patient) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "701-%06zu", patient + 1);
  return text.data();
}

Instrument evening_diary() {
  Instrument diary{.oid = std::string(kInstrument), .version = std::string(kInstrumentVersion), .items = {}, .window = {}};
  auto add = [&](const char* link_id, ItemType type) -> ItemDefinition& {
    ItemDefinition& item = diary.items.emplace_back();
    item.link_id = link_id;
    item.type = type;
    return item;
  };
  add("pain", ItemType::kInteger).range = Range{.low = 0, .high = 10};
  add("sleep", ItemType::kInteger).range = Range{.low = 0, .high = 10};
  add("nausea", ItemType::kInteger).range = Range{.low = 0, .high = 4};
  ItemDefinition& pulse = add("pulse", ItemType::kDecimal);
  pulse.unit = "/min";
  pulse.plausible = Range{.low = 30, .high = 220};
  pulse.possible = Range{.low = 0, .high = 350};
  add("note", ItemType::kText).max_length = 2000;
  // Around the clock: a burst is run when somebody has time for it.
  diary.window = WindowDefinition{.opens = hours(0), .due = hours(20), .closes = hours(48)};
  return diary;
}

// What an app writes between the answers; a third of the patients has something to say.
constexpr std::array<std::string_view, 3> kNotes = {
    "Slept badly, took the evening dose an hour late because of the visit. Better since dinner.",
    "Headache from noon on, gone after a walk.",
    "Nothing special today.",
};

void append_number(std::string& out, std::string_view link_id, const std::string& spelling) {
  out.append(R"({"linkId":")").append(link_id).append(R"(","value":)").append(spelling).append("},");
}

void append_answers(std::string& out, Random random) {
  append_number(out, "pain", std::to_string(random.below(11)));
  append_number(out, "sleep", std::to_string(random.below(11)));
  append_number(out, "nausea", std::to_string(random.below(5)));
  append_number(out, "pulse", std::to_string(50 + random.below(60)) + ".0");
  std::uint64_t note = random.below(3 * kNotes.size());
  if (note < kNotes.size()) {
    out.append(R"({"linkId":"note","value":")").append(kNotes[note]).append(R"("})");
  } else {
    out.append(R"({"linkId":"note","value":null,"absent":"asked-declined"})");
  }
}

// The first half of an id, as a number that decides what the report says.
std::uint64_t seed_of(const Uuid& id) {
  std::uint64_t seed = 0;
  for (std::size_t i = 0; i < sizeof seed; ++i) seed = seed << 8 | id.bytes[i];
  return seed;
}

std::string phone_time(sluice::WallTime at) { return format_timestamp(Timestamp{at, kPhoneOffset}); }

}  // namespace

Study burst_study(std::size_t patients) {
  SLUICE_ASSERT(patients <= kBurstPatientsMax, "a study of a bounded size");
  Study study;
  study.oid = kBurstStudy;
  study.title = "Evening peak of a load generator";
  study.region = "local";
  study.sites.push_back({std::string(kSite), "DE", "Europe/Berlin"});
  study.instruments.push_back(evening_diary());
  study.patients.reserve(patients);
  for (std::size_t i = 0; i < patients; ++i) {
    std::string key = subject_key(i);
    Uuid id = patient_id_of(kBurstStudy, key);
    study.patients.push_back({id, std::string(kSite), std::move(key), PatientStatus::kActive, std::nullopt});
  }
  return study;
}

std::string DiaryRun::device_prefix() const { return "burst-" + name_ + "-"; }

Uuid DiaryRun::submission_id(std::size_t patient) const {
  return derive_uuid({"burst", name_, std::to_string(patient)});
}

std::string DiaryRun::report(std::size_t patient, sluice::Duration after_start) const {
  SLUICE_ASSERT(patient < kBurstPatientsMax, "a patient of the study");
  Uuid id = submission_id(patient);
  auto captured_at = start_ + std::chrono::floor<std::chrono::milliseconds>(after_start);
  // By hand, for none of the texts needs an escape, and thousands a second are made.
  std::string json = R"({"submissionId":")" + id.text();
  json.append(R"(","patientId":")").append(patient_id_of(kBurstStudy, subject_key(patient)).text());
  json.append(R"(","device":{"id":")").append(device_prefix()).append(std::to_string(patient));
  json.append(R"(","epoch":1,"seq":1},"instrument":{"oid":")").append(kInstrument);
  json.append(R"(","version":")").append(kInstrumentVersion);
  json.append(R"("},"windowId":null,"originator":"patient","capturedAt":")").append(phone_time(captured_at));
  json.append(R"(","sentAt":")").append(phone_time(captured_at + kSendDelay)).append(R"(","items":[)");
  append_answers(json, Random(seed_of(id)));
  return json.append("]}");
}

}  // namespace epro
