// SPDX-License-Identifier: MIT
#include <sluice/schema/json.hpp>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// At global namespace, as in apps/hello.
struct Ping { std::string message; };
SLUICE_FIELDS(Ping, message)

namespace sluice::schema {
namespace {

struct Device {
  std::string id;
  std::uint32_t epoch = 0;
  std::int8_t offset = 0;
  bool operator==(const Device&) const = default;
};
SLUICE_FIELDS(Device, id, epoch,offset)

struct Everything {
  bool ok = false;
  std::int64_t low = 0;
  std::uint64_t high = 0;
  double value = 0;
  std::string text;
  std::optional<int> maybe;
  std::optional<Device> spare;
  std::vector<Device> devices;
  std::vector<std::optional<double>> values;
  Json any;
  Duration wait{};
  bool operator==(const Everything&) const = default;
};
SLUICE_FIELDS(Everything, ok, low, high, value, text, maybe, spare, devices, values, any, wait)

struct Reading {
  std::string id;
  std::optional<double> heart_rate;
  int count = 3;
  std::string position = "SITTING";
  std::vector<std::string> codes = {"a"};
};
// [example]
inline const schema::Fields<Reading>& sluice_fields(const Reading*) {
  static const schema::Fields<Reading> fields = {
      schema::field("id", &Reading::id).length_max(4),
      schema::field("heartRate", &Reading::heart_rate).range(0, 350.5),
      schema::field("count", &Reading::count).range(1, 10).optional(),
      schema::field("position", &Reading::position).options({"SITTING", "SUPINE"}).optional(),
      schema::field("codes", &Reading::codes).length_max(2).options({"a", "b"}).optional(),
  };
  return fields;
}
// [/example]

/// "reason field" of the refusal; empty if it is taken.
template <class T>
std::string refusal(std::string_view text) {
  auto value = from_json<T>(text);
  if (value) return "";
  EXPECT_EQ(value.error().code(), Code::kInvalidArgument);
  return std::string(value.error().reason()) + " " + std::string(value.error().field());
}

TEST(JsonOfStruct, WritesWhatIsDescribed) {
  EXPECT_EQ(to_json(Ping{"say \"hi\""}), R"({"message":"say \"hi\""})");
  EXPECT_EQ(to_json(std::vector<Ping>{{"a"}, {"b"}}), R"([{"message":"a"},{"message":"b"}])");
  EXPECT_EQ(to_json(Json::number("14.0")), "14.0");
  EXPECT_EQ(to_json(Everything{}),
            R"({"ok":false,"low":0,"high":0,"value":0,"text":"","devices":[],"values":[],"any":null,"wait":"0s"})");
}

TEST(JsonOfStruct, ReadsWhatItWrote) {
  Everything all{.ok = true, .low = INT64_MIN, .high = UINT64_MAX, .value = 0.1, .text = "é\n", .maybe = -1,
                 .spare = Device{"s", 1, -128}, .devices = {{"d", 4294967295, 127}, {}}, .values = {1.5, std::nullopt},
                 .any = Json::array().push(Json::number("1e400")), .wait = std::chrono::milliseconds(1500)};
  auto read = from_json<Everything>(to_json(all));
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(*read, all);
}

TEST(JsonOfStruct, TakesMissingAndNullAsTheSameForOptionals) {
  auto reading = from_json<Reading>(R"({"id":"a","heartRate":null,"count":null,"unknown":[{}]})");
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->heart_rate, std::nullopt);
  EXPECT_EQ(reading->count, 3) << "its initialiser stays";
  EXPECT_EQ(reading->codes, std::vector<std::string>{"a"});
  EXPECT_EQ(to_json(*reading), R"({"id":"a","count":3,"position":"SITTING","codes":["a"]})");
}

TEST(JsonOfStruct, NamesTheFieldAtFault) {
  EXPECT_EQ(refusal<Device>(R"({"id":"a","epoch":1,"offset":0})"), "");
  EXPECT_EQ(refusal<Device>(R"({"id":"a","epoch":1})"), "invalid-field /offset");
  EXPECT_EQ(refusal<Device>(R"({"id":null,"epoch":1,"offset":0})"), "invalid-field /id");
  EXPECT_EQ(refusal<Device>(R"({"id":7,"epoch":1,"offset":0})"), "invalid-field /id");
  EXPECT_EQ(refusal<Device>("[]"), "invalid-field ");
  EXPECT_EQ(refusal<Device>("{"), "malformed-json ");
  EXPECT_EQ(refusal<std::vector<Device>>(R"([{"id":"a","epoch":1,"offset":0},{"id":"a","epoch":true,"offset":0}])"),
            "invalid-field /1/epoch");
  EXPECT_EQ(refusal<Ping>(R"({"message":"a","message":"b"})"), "duplicate-key /message");
}

TEST(JsonOfStruct, KeepsIntegersWithinTheirType) {
  auto device = [](std::string epoch, std::string offset) {
    return refusal<Device>(R"({"id":"","epoch":)" + epoch + R"(,"offset":)" + offset + "}");
  };
  EXPECT_EQ(device("0", "-128"), "");
  EXPECT_EQ(device("4294967295", "127"), "");
  EXPECT_EQ(device("4294967296", "0"), "invalid-field /epoch");
  EXPECT_EQ(device("-1", "0"), "invalid-field /epoch");
  EXPECT_EQ(device("1.0", "0"), "invalid-field /epoch");
  EXPECT_EQ(device("1e2", "0"), "invalid-field /epoch");
  EXPECT_EQ(device("\"1\"", "0"), "invalid-field /epoch");
  EXPECT_EQ(device("1", "128"), "invalid-field /offset");
  EXPECT_EQ(device("1", "-129"), "invalid-field /offset");
  EXPECT_EQ(refusal<double>("1e400"), "invalid-field ");
  EXPECT_EQ(refusal<std::uint64_t>("18446744073709551616"), "invalid-field ");
}

TEST(JsonOfStruct, ChecksRules) {
  auto with = [](std::string_view rest) { return refusal<Reading>("{\"id\":\"a\"" + std::string(rest) + "}"); };
  EXPECT_EQ(refusal<Reading>(R"({"id":"éééé"})"), "") << "four code points";
  EXPECT_EQ(refusal<Reading>(R"({"id":"ééééé"})"), "invalid-field /id");
  EXPECT_EQ(with(R"(,"heartRate":0)"), "");
  EXPECT_EQ(with(R"(,"heartRate":350.5)"), "");
  EXPECT_EQ(with(R"(,"heartRate":-0.1)"), "invalid-field /heartRate");
  EXPECT_EQ(with(R"(,"heartRate":350.51)"), "invalid-field /heartRate");
  EXPECT_EQ(with(R"(,"count":0)"), "invalid-field /count");
  EXPECT_EQ(with(R"(,"count":10)"), "");
  EXPECT_EQ(with(R"(,"count":11)"), "invalid-field /count");
  EXPECT_EQ(with(R"(,"position":"SUPINE")"), "");
  EXPECT_EQ(with(R"(,"position":"supine")"), "invalid-field /position");
  EXPECT_EQ(with(R"(,"codes":["b","a"])"), "");
  EXPECT_EQ(with(R"(,"codes":["b","c"])"), "invalid-field /codes/1");
  EXPECT_EQ(with(R"(,"codes":["b","a","a"])"), "invalid-field /codes");
}

TEST(JsonOfStruct, ReadsDurationsAsTextOrMilliseconds) {
  EXPECT_EQ(from_json<Duration>("\"1h30m\""), std::chrono::minutes(90));
  EXPECT_EQ(from_json<Duration>("3000"), std::chrono::seconds(3));
  EXPECT_EQ(from_json<Duration>("9223372036854"), std::chrono::milliseconds(9223372036854));
  for (const char* text : {"9223372036855", "-1", "1.5", "\"10\"", "true"})
    EXPECT_EQ(refusal<Duration>(text), "invalid-field ");
}

TEST(JsonOfStruct, NeverTellsTheValue) {
  auto reading = from_json<Reading>(R"({"id":"a","position":"SECRET"})");
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().describe().find("SECRET"), std::string::npos);
  EXPECT_NE(reading.error().detail().find("SITTING, SUPINE"), std::string::npos) << "but what it may be";
}

// ---- the two ways: straight from a text, and by way of a Json ----

template <class T>
void expect_both_ways_agree(const std::string& text) {
  auto straight = from_json<T>(text);
  auto json = parse_json(text);
  Result<T> by_way = json ? from_json<T>(*json) : Result<T>(fail(std::move(json).error()));
  ASSERT_EQ(straight.has_value(), by_way.has_value()) << text;
  if (straight) {
    EXPECT_EQ(to_json(*straight), to_json(*by_way)) << text;
  }
}

// Pieces of texts that are all but right, put together at random: most are refused, by one mistake or by several.
TEST(JsonOfStruct, SaysTheSameStraightFromTheText) {
  const std::vector<std::string> names = {"id", "heartRate", "count", "position", "codes", "other", "i\\u0064"};
  const std::vector<std::string> values = {"\"ab\"", "\"abcde\"", "61", "350.5", "351", "null", "0", "1.0", "\"SUPINE\"",
                                           "[\"a\"]", "[\"a\",\"b\",\"a\"]", "[]", "{}", "[[1]]", "tru", "01", "\"\\x\"",
                                           "{\"a\":1,\"a\":2}", "[null]", "\"a\" 1"};
  std::mt19937 random(4);
  auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = R"({"id":"a","heartRate":61)";
    if (random() % 4 == 0) text = "{\"id\":" + pick(values);
    for (std::size_t more = random() % 3; more > 0; --more) text += ",\"" + pick(names) + "\":" + pick(values);
    text += random() % 16 == 0 ? "}}" : "}";
    ASSERT_NO_FATAL_FAILURE(expect_both_ways_agree<Reading>(text));
    taken += from_json<Reading>(text).has_value() ? 1 : 0;
  }
  EXPECT_GT(taken, 2'000) << "or only refusals were compared";
}

TEST(JsonOfStruct, SaysTheSameStraightFromTheTextOfEveryKind) {
  Everything all{.ok = true, .low = -5, .high = 1, .value = 1e-3, .text = "\u00e4\"", .maybe = 4, .spare = Device{"x", 1, -1},
                 .devices = {{"a", 1, 1}, {"b", 2, 2}}, .values = {1.5, std::nullopt}, .any = Json::array({Json::null()}),
                 .wait = std::chrono::seconds(3)};
  const std::string text = to_json(all);
  EXPECT_EQ(from_json<Everything>(text), all);
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {  // one byte of it another one of it
    std::string changed = text;
    changed[random() % changed.size()] = text[random() % text.size()];
    ASSERT_NO_FATAL_FAILURE(expect_both_ways_agree<Everything>(changed));
  }
}

TEST(JsonOfStruct, RefusesAListAtTheItemThatIsTooMuch) {
  EXPECT_EQ(refusal<Reading>(R"({"id":"a","codes":["a","b",7]})"), "invalid-field /codes") << "the length first";
}

TEST(JsonOfStruct, RefusesADuplicateWhereverItIs) {
  EXPECT_EQ(refusal<Ping>(R"({"message":"a","other":1,"oth\u0065r":2})"), "duplicate-key /other");
  EXPECT_EQ(refusal<Ping>(R"({"message":"a","other":{"x":1,"x":2}})"), "duplicate-key /other/x");
  EXPECT_EQ(from_json<Ping>(R"({"message":"a","message":"b"})", {.duplicate_keys = DuplicateKeys::kLastWins})->message, "b");
}

TEST(JsonOfStructDeathTest, RefusesARuleThatDoesNotSuit) {
  EXPECT_DEATH((Fields<Ping>{field("message", &Ping::message).range(0, 1)}), "range");
  EXPECT_DEATH((Fields<Device>{field("a", &Device::id), field("a", &Device::epoch)}), "unique");
}

}  // namespace
}  // namespace sluice::schema
