// SPDX-License-Identifier: MIT
//
// Configuration. What YAML is read for is JSON, and a struct made from it is the same as from that JSON; a refusal has a
// reason of the contract; no text makes more warnings than it has lines or commas for.
#include <fuzz/target.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include <sluice/schema/json_pointer.hpp>
#include <sluice/schema/json_writer.hpp>
#include <sluice/schema/yaml.hpp>

namespace {

using namespace sluice;
using namespace sluice::schema;

// yaml-cpp keeps some hundred bytes for each character that could be a node.
constexpr std::size_t kInputMax = 1 << 12;

struct Log {
  std::string level = "info";
};
inline const Fields<Log>& sluice_fields(const Log*) {
  static const Fields<Log> fields = {field("Level", &Log::level).options({"debug", "info"}).optional()};
  return fields;
}

struct Config {
  std::string name;
  int port = 8888;
  Duration timeout{};
  Log log;
  std::vector<Log> logs;
};
inline const Fields<Config>& sluice_fields(const Config*) {
  static const Fields<Config> fields = {
      field("Name", &Config::name),
      field("Port", &Config::port).range(0, 65535).optional(),
      field("Timeout", &Config::timeout).optional(),
      field("Log", &Config::log).optional(),
      field("Logs", &Config::logs).optional(),
  };
  return fields;
}

void check_refusal(const Error& error) {
  constexpr std::array kReasons = {"malformed-yaml", "invalid-utf8", "duplicate-key", "too-deep", "too-large", "invalid-field"};
  fuzz::require(error.code() == Code::kInvalidArgument, "a text is refused as an invalid argument");
  fuzz::require(std::find(kReasons.begin(), kReasons.end(), error.reason()) != kReasons.end(), "a refusal has a known reason",
                error.reason());
  fuzz::require(error.field().size() <= kPointerBytesMax, "a pointer is no longer than its limit");
}

void check_struct(std::string_view text, const Json& json) {
  std::vector<std::string> warnings;
  auto config = from_yaml<Config>(text, &warnings);
  fuzz::require(warnings.size() <= text.size(), "a warning is for a key that is there");
  auto by_way = from_json<Config>(json);
  fuzz::require(config.has_value() == by_way.has_value(), "a configuration is taken as its JSON is");
  if (!config) return check_refusal(config.error());
  fuzz::require(to_json(*config) == to_json(*by_way), "a configuration is read as its JSON is");
  fuzz::require(config->port >= 0 && config->port <= 65535, "a rule holds for what was taken");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::as_input(data, std::min(size, kInputMax));
  auto json = parse_yaml(text);
  if (!json) {
    check_refusal(json.error());
    return 0;
  }
  std::string written = to_text(*json);
  auto again = parse_json(written);
  fuzz::require(again && *again == *json, "what YAML is read for can be written as JSON", written);
  check_struct(text, *json);
  return 0;
}
