// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/study.hpp>
#include <apps/epro/record/timestamp.hpp>
#include <apps/epro/record/uuid.hpp>

// What the tests of this room are about: a small study, one of its patients, and a diary of theirs.

namespace epro {

inline Uuid uuid(std::string_view text) { return parse_uuid(text).value(); }
inline sluice::WallTime at(std::string_view text) { return parse_timestamp(text).value().at; }
inline Range range(std::string_view text) { return parse_range(text).value(); }

inline const Uuid kPatientId = uuid("00000000-0000-4000-8000-000000900001");
inline const sluice::WallTime kCaptured = at("2026-03-02T20:03:11.120+01:00");
inline const sluice::WallTime kReceived = at("2026-03-02T20:03:12.131+01:00");

/// DEMO of api.md, and a second instrument with the types of question that EVD has not.
inline Study demo_study() {
  using namespace std::chrono_literals;
  Study study;
  study.oid = "DEMO";
  study.title = "Evening diary";
  study.region = "local";
  study.sites = {{"701", "DE", "Europe/Berlin"}, {"702", "PT", "Europe/Lisbon"}};
  study.patients = {{kPatientId, "701", "701-1001", PatientStatus::kActive, {}},
                    {patient_id_of("DEMO", "702-1001"), "702", "702-1001", PatientStatus::kScreening, {}}};
  Instrument diary{"EVD", "1", {}, WindowDefinition{17h, 20h, 34h, true}};
  diary.items = {
      {.link_id = "pain", .type = ItemType::kInteger, .range = range("[0:10]")},
      {.link_id = "sleep", .type = ItemType::kInteger, .range = range("[0:10]")},
      {.link_id = "nausea", .type = ItemType::kInteger, .range = range("[0:4]")},
      {.link_id = "pulse", .type = ItemType::kDecimal, .plausible = range("[30:220]"), .possible = range("[0:350]"),
       .unit = "/min"},
      {.link_id = "note", .type = ItemType::kText, .max_length = 5},
  };
  Instrument visit{"VISIT", "2", {}, {}};
  visit.items = {
      {.link_id = "smoker", .type = ItemType::kBoolean},
      {.link_id = "arm", .type = ItemType::kChoice, .options = {"left", "right", "2"}},
      {.link_id = "weight", .type = ItemType::kDecimal, .plausible = range("[30:250]"), .possible = range("[0.2:700]"),
       .unit = "kg"},
      {.link_id = "score", .type = ItemType::kDecimal, .range = range("[0:1)"), .unit = "{score}"},
  };
  study.instruments = {diary, visit};
  return study;
}

/// The submission of clinical.md §2.2 with these answers, as JSON.
inline std::string diary_json(std::string_view items = R"([{"linkId":"pain","value":4},{"linkId":"sleep","value":7}])") {
  return R"({"submissionId":"6D0F2C8E-5D1A-4C55-9A57-000000000001","patientId":"00000000-0000-4000-8000-000000900001",)"
         R"("device":{"id":"phone-1","epoch":1,"seq":4711},"instrument":{"oid":"EVD","version":"1"},"windowId":null,)"
         R"("originator":"patient","capturedAt":"2026-03-02T20:03:11.120+01:00","sentAt":"2026-03-02T20:03:12.004+01:00",)"
         R"("items":)" +
         std::string(items) + "}";
}

}  // namespace epro
