// SPDX-License-Identifier: MIT
#include <sluice/schema/yaml.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/schema/json_writer.hpp>

namespace sluice::schema {
namespace {

struct Log { std::string level = "info"; };
inline const Fields<Log>& sluice_fields(const Log*) {
  static const Fields<Log> fields = {field("Level", &Log::level).optional()};
  return fields;
}

struct Config {
  std::string name;
  int port = 8888;
  Log log;
  std::vector<Log> logs;
};
inline const Fields<Config>& sluice_fields(const Config*) {
  static const Fields<Config> fields = {
      field("Name", &Config::name),
      field("Port", &Config::port).range(0, 65535).optional(),
      field("Log", &Config::log).optional(),
      field("Logs", &Config::logs).optional(),
  };
  return fields;
}

/// As JSON, or the error's "reason field: detail".
std::string read(std::string_view text) {
  auto json = parse_yaml(text);
  if (json) return to_text(*json);
  EXPECT_EQ(json.error().code(), Code::kInvalidArgument);
  const Error& error = json.error();
  return std::string(error.reason()).append(" ").append(error.field()).append(": ").append(error.detail());
}

TEST(Yaml, KnowsNumbersBooleansAndNullFromStrings) {
  EXPECT_EQ(read("[1, 14.0, -2e3, true, False, null, ~, '1', \"true\", 'null', '']"),
            R"([1,14.0,-2e3,true,false,null,null,"1","true","null",""])");
  EXPECT_EQ(read("[010, 0x1F, .5, 1_000, +1, yes, 17:00, 701-1001, 1.2.3, NaN, 2026-03-02]"),
            R"(["010","0x1F",".5","1_000","+1","yes","17:00","701-1001","1.2.3","NaN","2026-03-02"])");
  EXPECT_EQ(read("a: |\n  1\n  2\nb: >\n  3\nc:\n"), R"({"a":"1\n2\n","b":"3\n","c":null})");
  EXPECT_EQ(read(""), "null");
  EXPECT_EQ(read("# nothing\n"), "null");
  EXPECT_EQ(read("---\na: 1\n...\n"), R"({"a":1})");
}

TEST(Yaml, KeepsKeysAsTheyAreWritten) {
  EXPECT_EQ(read("b: 1\n1: 2\n\"c d\": 3\ntrue: 4\n"), R"({"b":1,"1":2,"c d":3,"true":4})");
  EXPECT_EQ(read("{ study: { oid: DEMO, skewFlag: 2m }, sites: [ { id: \"701\" } ] }"),
            R"({"study":{"oid":"DEMO","skewFlag":"2m"},"sites":[{"id":"701"}]})");
}

TEST(Yaml, SaysWhereItIsWrong) {
  EXPECT_EQ(read("a: 1\nb: [1, 2\n"), "malformed-yaml : line 3, column 1: not YAML");
  EXPECT_EQ(read("a: 1\n  b: 2\n"), "malformed-yaml : line 2, column 4: not YAML");
  EXPECT_EQ(read("a: 1\nb: {c: [{}, {d: 1, e: 2, d: 3}]}\n"),
            "duplicate-key /b/c/1/d: line 2, column 26: this key is there already");
  EXPECT_EQ(read("a: 1\n---\nb: 2\n").substr(0, 28), "malformed-yaml : line 2, col");
  EXPECT_EQ(read("a: 1\n? [x]\n: 2\n"), "malformed-yaml : line 2, column 3: a key is no scalar");
  EXPECT_EQ(read("~: 1\n").substr(0, 14), "malformed-yaml");
  EXPECT_EQ(read("a: !!str 1\n"), "malformed-yaml : line 1, column 4: tags are not supported");
  EXPECT_EQ(read("a: !x [1]\n"), "malformed-yaml : line 1, column 4: tags are not supported");
  EXPECT_EQ(read("a: \"\xFF\"\n"), "invalid-utf8 : the text is not UTF-8");
}

TEST(Yaml, LosesNothingBehindAControlCharacter) {
  EXPECT_EQ(read("a: 1\nb: 2\x04\nc: 3\n"), "malformed-yaml : line 2, column 5: a control character");
  EXPECT_EQ(read(std::string_view("\0a: 1", 5)), "malformed-yaml : line 1, column 1: a control character");
  EXPECT_EQ(read("a:\t1\r\nb: 2\r\n"), R"({"a":1,"b":2})");
}

// yaml-cpp makes single bytes of \N and \_ (found by fuzz/yaml).
TEST(Yaml, LetsNoEscapeStandForWhatIsNotUtf8) {
  for (const char* text : {R"(a: "\N")", R"(a: "\_")"}) {
    EXPECT_EQ(read(text), "invalid-utf8 : line 1, column 4: an escape names what UTF-8 cannot hold") << text;
  }
  EXPECT_EQ(read("\"\\N\": 1\n").substr(0, 12), "invalid-utf8") << "in a key";
  EXPECT_EQ(read(R"(a: "\uD800")").substr(0, 14), "malformed-yaml") << "half a surrogate pair";
  EXPECT_EQ(read(R"(a: "\x41\u00e9\L")"), "{\"a\":\"A\u00e9\u2028\"}");
}

TEST(Yaml, RefusesAliasesThatGrowWithoutBound) {
  EXPECT_EQ(read("a: &x [l, o, l]\nb: [*x, *x]\n"), "malformed-yaml : line 2, column 5: aliases are not supported");
}

TEST(Yaml, StopsAtItsDepthAndSize) {
  std::string deep(kYamlDepthMax, '['), end(kYamlDepthMax, ']');
  EXPECT_EQ(read(deep + end), deep + end);
  EXPECT_EQ(read("[" + deep + end + "]").substr(0, 8), "too-deep");
  EXPECT_EQ(read(std::string(5000, '[')).substr(0, 14), "malformed-yaml") << "open to its end: seen before the depth is";
  EXPECT_EQ(read(std::string(kYamlBytesMax + 1, ' ')), "too-large : the text is too long");
  std::string dashes;
  for (int i = 0; i < 5000; ++i) dashes += "- ";
  EXPECT_EQ(read(dashes).substr(0, 8), "too-deep");
}

TEST(YamlOfStruct, WarnsOfUnknownKeysWithTheNearestKnownOne) {
  std::vector<std::string> warnings;
  auto config = from_yaml<Config>(
      "Name: x\nProt: 1\nLog: { Levle: debug }\nLogs: [{}, { level: a }]\nColour: red\n", &warnings);
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->port, 8888);
  EXPECT_EQ(config->log.level, "info");
  EXPECT_EQ(warnings, (std::vector<std::string>{
                          "unknown key Prot, did you mean Port?", "unknown key Log.Levle, did you mean Log.Level?",
                          "unknown key Logs.1.level, did you mean Logs.1.Level?", "unknown key Colour"}));
}

TEST(YamlOfStruct, ReadsAndChecksLikeJson) {
  auto config = from_yaml<Config>("Name: x\nPort: 65535\nLog:\n");
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->port, 65535);
  EXPECT_EQ(config->log.level, "info") << "an empty section is no section";

  EXPECT_EQ(from_yaml<Config>("Name: x\nPort: 65536\n").error().field(), "/Port");
  EXPECT_EQ(from_yaml<Config>("Name: 5\n").error().field(), "/Name") << "a number is no string: it has to be quoted";
  EXPECT_EQ(from_yaml<Config>("Port: 5\n").error().field(), "/Name");
  EXPECT_EQ(from_yaml<Config>("").error().reason(), "invalid-field");
}

}  // namespace
}  // namespace sluice::schema
