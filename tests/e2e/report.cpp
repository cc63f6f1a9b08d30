// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <cstdio>

namespace sluice::e2e {

std::string submission_id(std::uint64_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "6d0f2c8e-5d1a-4c55-9a57-%012llx", static_cast<unsigned long long>(number));
  return text;
}

std::string diary(std::uint64_t number, int pain) {
  return R"({"submissionId":")" + submission_id(number) + R"(","patientId":")" + kDemoPatient +
         R"(","device":{"id":"phone-1","epoch":1,"seq":)" + std::to_string(number + 1) +
         R"(},"instrument":{"oid":"EVD","version":"1"},"originator":"patient",)"
         R"("capturedAt":"2026-03-02T20:03:11.120+01:00","sentAt":"2026-03-02T20:03:12.004+01:00",)"
         R"("items":[{"linkId":"pain","value":)" +
         std::to_string(pain) + R"(},{"linkId":"sleep","value":7}]})";
}

std::string member(std::string_view json, std::string_view name) {
  std::string key = "\"" + std::string(name) + "\":\"";
  auto at = json.find(key);
  if (at == json.npos) return {};
  at += key.size();
  return std::string(json.substr(at, json.find('"', at) - at));
}

}  // namespace sluice::e2e
