// SPDX-License-Identifier: MIT
#include <apps/epro/client/replay_report.hpp>

namespace epro {

using sluice::schema::Json;

std::string describe(const ReplayResult& result) {
  std::string text = std::to_string(result.rows()) + " rows: ";
  text += std::to_string(result.items.created) + " created, ";
  text += std::to_string(result.items.duplicate) + " duplicate (\"already known\"), ";
  text += std::to_string(result.items.conflict) + " conflict, ";
  text += std::to_string(result.items.invalid) + " invalid, ";
  text += std::to_string(result.items.quarantined) + " quarantined\n";
  if (result.refused > 0) text += std::to_string(result.refused) + " rows were in batches that the server refused\n";
  for (const std::string& complaint : result.complaints) text += complaint + "\n";
  return text;
}

Json to_json(const ReplayResult& result) {
  Json json = Json::object();
  json.add("rows", Json::number(result.rows())).add("created", Json::number(result.items.created));
  json.add("duplicate", Json::number(result.items.duplicate)).add("conflict", Json::number(result.items.conflict));
  json.add("invalid", Json::number(result.items.invalid)).add("quarantined", Json::number(result.items.quarantined));
  return json.add("refused", Json::number(result.refused)).add("retries", Json::number(result.retries));
}

}  // namespace epro
