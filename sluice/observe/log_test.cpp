// SPDX-License-Identifier: MIT
#include <sluice/observe/log.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/observe/registry.hpp>

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

class LogTest : public testing::Test {
 protected:
  std::string drained(Logger& log) {
    std::string lines;
    while (log.drain([&](Level, std::string_view line) { lines += line; }) > 0) {
    }
    return lines;
  }
  /// The line's text between `"key":` and what follows its value.
  static std::string value_of(const std::string& line, const std::string& key) {
    auto at = line.find("\"" + key + "\":");
    if (at == line.npos) return "";
    at += key.size() + 3;
    auto end = line[at] == '"' ? line.find_first_of(",}", line.find('"', at + 1)) : line.find_first_of(",}", at);
    return line.substr(at, end - at);
  }

  ManualClock clock_{WallTime(1'700'000'000'123ms)};
  Registry registry_;
};

TEST_F(LogTest, WritesTheLineThatGoZeroWrites) {
  Logger log(clock_, registry_, {.utc_offset = 8h});
  SpanContext span = *parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  log.info("[HTTP] 200 - GET /v1/x", {{"duration", 1234us}, {"trace", span.trace}, {"span", span.span}});
  int line = __LINE__ - 1;
  EXPECT_EQ(drained(log), "{\"@timestamp\":\"2023-11-15T06:13:20.123+08:00\",\"caller\":\"observe/log_test.cpp:" +
                              std::to_string(line) +
                              "\",\"content\":\"[HTTP] 200 - GET /v1/x\",\"duration\":\"1.2ms\",\"level\":\"info\","
                              "\"span\":\"00f067aa0ba902b7\",\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}\n");
}

TEST_F(LogTest, WritesEveryKindOfFieldSortedByKey) {
  Logger log(clock_, registry_);
  log.info("x", {{"i", std::numeric_limits<std::int64_t>::min()},
                 {"h", 1.0 / 0.0},
                 {"g", 2.5},
                 {"f", std::string("text")},
                 {"e", std::uint8_t{200}},
                 {"d", -7},
                 {"b", true},
                 {"a", "literal"},
                 {"j", std::numeric_limits<std::uint64_t>::max()},
                 {"k", 90min}});
  std::string line = drained(log);
  line = line.substr(line.find("\"a\""));
  line.erase(line.find("\"caller\""), line.find("\"d\"") - line.find("\"caller\""));
  EXPECT_EQ(line, R"("a":"literal","b":true,"d":-7,"e":200,"f":"text","g":2.5,"h":"+Inf",)"
                  R"("i":-9223372036854775808,"j":18446744073709551615,"k":"5400000.0ms","level":"info"})"
                  "\n");
}

TEST_F(LogTest, EscapesWhatJsonWantsEscapedAndNothingElse) {
  Logger log(clock_, registry_);
  log.info("a\"b\\c\n\r\t\x01<&>\x7f K\xc3\xb6ln \xe2\x80\xa8 \xff!");
  EXPECT_EQ(value_of(drained(log), "content"),
            "\"a\\\"b\\\\c\\n\\r\\t\\u0001<&>\x7f K\xc3\xb6ln \\u2028 \\ufffd!\"");
}

TEST_F(LogTest, FindsWhatNeedsAnEscapeWhereverItStands) {
  Logger log(clock_, registry_);
  for (int byte = 1; byte < 0x80; ++byte) {
    for (std::size_t at = 0; at < 17; ++at) {
      std::string content(17, '~');
      content[at] = static_cast<char>(byte);
      log.info(content);
      std::string written = value_of(drained(log), "content");
      bool as_it_is = written == "\"" + content + "\"";
      ASSERT_EQ(as_it_is, byte >= 0x20 && byte != '"' && byte != '\\') << byte << " at " << at;
    }
  }
}

TEST_F(LogTest, HoldsItsLevel) {
  Logger log(clock_, registry_);
  log.debug("no");
  EXPECT_EQ(drained(log), "");
  log.set_level(Level::kDebug);
  log.debug("yes");
  EXPECT_EQ(value_of(drained(log), "level"), "\"debug\"");
}

TEST_F(LogTest, OrdersLevelsAsGoZeroDoes) {
  Logger log(clock_, registry_, {.level = Level::kError});
  EXPECT_FALSE(log.enabled(Level::kInfo));
  EXPECT_FALSE(log.enabled(Level::kStat));
  EXPECT_TRUE(log.enabled(Level::kError));
  EXPECT_TRUE(log.enabled(Level::kSlow));
  EXPECT_TRUE(log.enabled(Level::kSevere));
  log.set_level(Level::kSevere);
  EXPECT_FALSE(log.enabled(Level::kSlow));
  EXPECT_TRUE(log.enabled(Level::kAlert));
  log.set_level(Level::kInfo);
  EXPECT_TRUE(log.enabled(Level::kStat));
}

TEST_F(LogTest, HandsEachLineOutWithItsLevel) {
  Logger log(clock_, registry_, {.level = Level::kDebug});
  log.debug("d");
  log.info("i");
  log.stat("t");
  log.error("e");
  log.slow("l");
  log.severe("f");
  log.alert("a");
  std::string levels;
  EXPECT_EQ(log.drain([&](Level level, std::string_view line) {
    levels += std::to_string(static_cast<int>(level)) + value_of(std::string(line), "level");
  }), 7u);
  EXPECT_EQ(levels, R"(0"debug"1"info"2"stat"3"error"4"slow"5"fatal"6"alert")");
}

TEST_F(LogTest, CutsWhatIsTooLongBetweenCharactersAndSaysSo) {
  Logger log(clock_, registry_, {.content_bytes_max = 5});
  log.info("abcd\xc3\xb6", {{"text", std::string(1000, 'x')}});
  std::string line = drained(log);
  EXPECT_EQ(value_of(line, "content"), "\"abcd\"");
  EXPECT_EQ(value_of(line, "text"), "\"" + std::string(Logger::kValueBytesMax, 'x') + "\"");
  EXPECT_EQ(value_of(line, "truncated"), "true");
  log.info("abcde");
  EXPECT_EQ(value_of(drained(log), "truncated"), "");
  log.info("abcdef");
  EXPECT_EQ(value_of(drained(log), "content"), "\"abcde\"");
}

TEST_F(LogTest, KeepsTheLongestRecordWithinALine) {
  Logger log(clock_, registry_);
  std::string bad(5000, '\x01');  // six bytes each once escaped
  std::vector<std::string> keys;
  for (char c = 'a'; c < 'a' + 14; ++c) keys.push_back(c + std::string(100, 'k'));
  log.info(bad, {{keys[0], bad}, {keys[1], bad}, {keys[2], bad}, {keys[3], bad}, {keys[4], bad}, {keys[5], bad},
                 {keys[6], bad}, {keys[7], bad}, {keys[8], bad}, {keys[9], bad}, {keys[10], bad}, {keys[11], bad},
                 {keys[12], bad}, {keys[13], bad}});
  std::string line = drained(log);
  EXPECT_TRUE(line.ends_with(",\"truncated\":true}\n"));
  EXPECT_NE(line.find("\"" + keys[11].substr(0, Logger::kKeyBytesMax) + "\":"), line.npos);
  EXPECT_EQ(line.find("\"" + keys[12].substr(0, Logger::kKeyBytesMax) + "\":"), line.npos);
}

TEST_F(LogTest, LeavesOutAKeyThatOccurredBefore) {
  Logger log(clock_, registry_);
  log.info("mine", {{"content", "yours"}, {"a", 1}, {"a", 2}});
  std::string line = drained(log);
  EXPECT_EQ(line.find("yours"), line.npos);
  EXPECT_EQ(value_of(line, "a"), "1");
  EXPECT_EQ(line.find("\"a\":2"), line.npos);
}

TEST_F(LogTest, WritesTheOffsetOfTheTimeZone) {
  Logger log(clock_, registry_, {.utc_offset = -(3h + 30min)});
  log.info("x");
  EXPECT_EQ(value_of(drained(log), "@timestamp"), "\"2023-11-14T18:43:20.123-03:30\"");
  log.set_utc_offset(0min);
  log.info("x");
  EXPECT_EQ(value_of(drained(log), "@timestamp"), "\"2023-11-14T22:13:20.123Z\"");
}

TEST_F(LogTest, DropsCountsAndReportsWhatDoesNotFit) {
  Logger log(clock_, registry_, {.ring_bytes = 1});  // the smallest there is: 16 KiB
  std::string content(1000, 'x');
  for (int i = 0; i < 20; ++i) log.info(content);
  std::string lines = drained(log);
  auto dropped = registry_.counter("log_dropped_total", "Log records dropped because the ring was full.").value();
  EXPECT_GE(dropped, 5u);
  EXPECT_EQ(value_of(lines, "dropped"), std::to_string(dropped));
  EXPECT_EQ(static_cast<std::uint64_t>(std::ranges::count(lines, '\n')), 20 - dropped + 1);
  log.info("there is room again");
  lines = drained(log);
  EXPECT_EQ(value_of(lines, "content"), "\"there is room again\"");  // and no second report
}

TEST_F(LogTest, DrainsNoMoreThanAsked) {
  Logger log(clock_, registry_);
  for (int i = 0; i < 3; ++i) log.info("x");
  auto ignore = [](Level, std::string_view) {};
  EXPECT_EQ(log.drain(ignore, 0), 0u);
  EXPECT_EQ(log.drain(ignore, 2), 2u);
  EXPECT_EQ(log.drain(ignore, 2), 1u);
  EXPECT_EQ(log.drain(ignore), 0u);
}

TEST_F(LogTest, AccountsForEveryRecordOfEveryThread) {
  constexpr int kThreads = 3, kRecords = 5000;
  Logger log(clock_, registry_, {.ring_bytes = 1});
  std::atomic<int> logging = kThreads;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int number = 0; number < kRecords; ++number) log.info("record", {{"thread", i}, {"number", number}});
      --logging;
    });
  std::size_t records = 0;
  auto count = [&](Level, std::string_view line) {
    EXPECT_TRUE(line.starts_with("{\"@timestamp\"") && line.ends_with("}\n"));
    if (line.find("\"number\"") != line.npos) ++records;
  };
  for (bool more = true; more;) {
    more = logging > 0;
    while (log.drain(count) > 0) {
    }
  }
  for (auto& thread : threads) thread.join();
  auto dropped = registry_.counter("log_dropped_total", "Log records dropped because the ring was full.").value();
  EXPECT_EQ(records + dropped, std::size_t{kThreads} * kRecords);
}

}  // namespace
}  // namespace sluice::observe
