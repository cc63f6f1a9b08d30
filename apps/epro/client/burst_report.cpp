// SPDX-License-Identifier: MIT
#include <apps/epro/client/burst_report.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include <sluice/http/status.hpp>

namespace epro {
namespace {

using sluice::Duration;
using sluice::schema::Json;

constexpr std::array<std::pair<const char*, double>, 3> kPercentiles = {{{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}}};

// To a tenth: what is behind it differs from run to run.
double per_second(const BurstResult& result) {
  double seconds = std::chrono::duration<double>(result.elapsed).count();
  return seconds > 0 ? std::round(static_cast<double>(result.acknowledged) / seconds * 10) / 10 : 0;
}

std::string milliseconds(Duration duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms", std::chrono::duration<double, std::milli>(duration).count());
  return text.data();
}

std::string tenths(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number);
  return text.data();
}

Json microseconds(Duration duration) { return Json::number(std::chrono::ceil<std::chrono::microseconds>(duration).count()); }

std::string refusals(const BurstResult& result) {
  std::uint64_t total = 0;
  std::string by_status;
  for (const auto& [status, count] : result.refused) {
    total += count;
    by_status.append(by_status.empty() ? "  (" : ", ").append(std::to_string(status)).append(" ");
    by_status.append(sluice::http::status::phrase(status)).append(": ").append(std::to_string(count));
  }
  return std::to_string(total) + (by_status.empty() ? "" : by_status + ")");
}

}  // namespace

bool all_acknowledged(const BurstResult& result) noexcept { return result.refused.empty() && result.gave_up == 0; }

std::string describe(const BurstResult& result) {
  std::string text = "acknowledged  " + std::to_string(result.acknowledged);
  if (result.quarantined > 0) text += "  of these quarantined: " + std::to_string(result.quarantined);
  if (result.replayed > 0) text += "  known already: " + std::to_string(result.replayed);
  text += "\nrefused       " + refusals(result);
  text += "\ngave up       " + std::to_string(result.gave_up);
  text += "\nretries       " + std::to_string(result.retries);
  text += "\nlatency       ";
  for (const auto& [name, percent] : kPercentiles)
    text.append(name).append(" ").append(milliseconds(result.latency.percentile(percent))).append("  ");
  text += "max " + milliseconds(result.latency.max());
  return text + "\nthroughput    " + tenths(per_second(result)) + " acknowledged per second\n";
}

Json to_json(const BurstResult& result) {
  Json refused = Json::object();
  for (const auto& [status, count] : result.refused) refused.add(std::to_string(status), Json::number(count));
  Json latency = Json::object();
  for (const auto& [name, percent] : kPercentiles) latency.add(name, microseconds(result.latency.percentile(percent)));
  latency.add("max", microseconds(result.latency.max()));
  Json json = Json::object();
  json.add("acknowledged", Json::number(result.acknowledged));
  json.add("quarantined", Json::number(result.quarantined)).add("replayed", Json::number(result.replayed));
  json.add("refused", std::move(refused)).add("gaveUp", Json::number(result.gave_up));
  json.add("retries", Json::number(result.retries)).add("latencyUs", std::move(latency));
  json.add("elapsedMs", Json::number(std::chrono::duration_cast<std::chrono::milliseconds>(result.elapsed).count()));
  return json.add("perSecond", Json::number(per_second(result)));
}

}  // namespace epro
