// SPDX-License-Identifier: MIT
//
// parse_json against what others think of JSON: the collection of JSONTestSuite (Nicolas Seriot, "Parsing JSON is a
// Minefield", MIT licence), and a second reader, a slow and obvious one, on texts made by breaking good ones.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_writer.hpp>

namespace sluice::schema {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(JsonSuite, TakesAndRefusesWhatJsonTestSuiteSays) {
  std::filesystem::path folder = std::filesystem::path(SLUICE_SHARED_DATA) / "d-json-corner" / "test_parsing";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "JSONTestSuite is not there: " << folder;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    // The suite takes duplicate names; so does this reader, where it is asked to.
    auto json = parse_json(read_file(entry.path()), {.duplicate_keys = DuplicateKeys::kLastWins});
    if (name.starts_with("y_")) {
      EXPECT_TRUE(json) << name << ": " << json.error().describe();
    }
    if (name.starts_with("n_")) {
      EXPECT_FALSE(json) << name;
    }
    if (json) {
      EXPECT_EQ(parse_json(to_text(*json)), json) << name;
    }
    ++files;
  }
  EXPECT_GT(files, 300);
}

/// RFC 8259 section by section, by looking at one character after the other. Escapes: only their grammar.
class SlowReader {
 public:
  static bool takes(std::string_view text) {
    SlowReader reader(text);
    return reader.spaced_value() && reader.rest_.empty();
  }

 private:
  explicit SlowReader(std::string_view text) : rest_(text) {}

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos) rest_.remove_prefix(1);
  }
  bool spaced_value() {
    skip_space();
    bool taken = value();
    skip_space();
    return taken;
  }
  bool value() {
    if (take("null") || take("true") || take("false")) return true;
    if (take("[")) return list("]", [this] { return spaced_value(); });
    if (take("{")) return list("}", [this] { return skip_space(), string() && (skip_space(), take(":")) && spaced_value(); });
    if (rest_.starts_with('"')) return string();
    std::size_t size = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    std::string_view number = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return is_json_number(number);
  }
  template <class Element>
  bool list(std::string_view end, Element element) {
    if (skip_space(); take(end)) return true;
    do {
      if (!element()) return false;
    } while (take(","));
    return take(end);
  }
  bool string() {
    if (!take("\"")) return false;
    while (!rest_.empty() && static_cast<unsigned char>(rest_[0]) >= 0x20) {
      if (take("\"")) return true;
      bool is_escape = rest_[0] == '\\';
      rest_.remove_prefix(1);
      if (!is_escape) continue;
      if (take("u")) {
        if (rest_.substr(0, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos || rest_.size() < 4)
          return false;
        rest_.remove_prefix(4);
      } else if (rest_.empty() || std::string_view("\"\\/bfnrt").find(rest_[0]) == std::string_view::npos) {
        return false;
      } else {
        rest_.remove_prefix(1);
      }
    }
    return false;
  }

  std::string_view rest_;
};

TEST(JsonSuite, AgreesWithASlowReaderOnBrokenTexts) {
  constexpr std::string_view kGood[] = {
      R"({"id":"a\"b\\","n":[1,-2.5e+3,0,true,false,null],"o":{"":{},"x":[[],[{}]]}})",
      R"( [ "\u00e9\n" , { "a" : 1.0 , "b" : [ ] } , -0 ] )",
      R"("\\\\\"x")", R"([[[["a"],1],2],3])", "12.5e-7"};
  constexpr std::string_view kPieces[] = {"\"", "\\", ",", ":", "[", "]", "{", "}", "0", "1", "-", ".", "e", " ", "\n",
                                          "\t", "t", "true", "null", "\\u0041", "\"a\"", "\"a\":", "é", "\x01", "/"};
  std::mt19937 random(20240611);  // NOLINT: the same texts in each run
  auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  int taken = 0;
  constexpr int kTexts = 200'000;
  for (int i = 0; i < kTexts; ++i) {
    std::string text(kGood[below(std::size(kGood))]);
    for (std::size_t change = below(3) + 1; change > 0; --change) {
      std::size_t at = below(text.size() + 1);
      std::size_t removed = below(3);  // 0: an insertion
      std::string_view piece = below(4) ? kPieces[below(std::size(kPieces))] : std::string_view();
      // Not inside a character: both readers would have to judge UTF-8.
      while (at < text.size() && (text[at] & 0x80)) ++at;
      if (at + removed < text.size() && (text[at + removed] & 0x80)) removed = 0;
      text.replace(at, removed, piece);
    }
    bool is_good = SlowReader::takes(text);
    auto json = parse_json(text, {.duplicate_keys = DuplicateKeys::kLastWins});
    ASSERT_EQ(json.has_value(), is_good) << text;
    if (!json) continue;
    ++taken;
    ASSERT_EQ(parse_json(to_text(*json)), json) << text;
  }
  EXPECT_GT(taken, kTexts / 20) << "too few texts survive to say anything";
  EXPECT_LT(taken, kTexts / 2);
}

}  // namespace
}  // namespace sluice::schema
