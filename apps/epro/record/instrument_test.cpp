// SPDX-License-Identifier: MIT
#include <apps/epro/record/instrument.hpp>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

TEST(Instrument, FindsItsQuestions) {
  const Instrument diary = demo_study().instruments[0];
  EXPECT_EQ(find_item(diary, "sleep"), &diary.items[1]);
  EXPECT_EQ(find_item(diary, "Sleep"), nullptr);
  EXPECT_EQ(find_item(diary, ""), nullptr);
}

TEST(Instrument, HasOneCanonicalText) {
  Instrument diary = demo_study().instruments[0];
  diary.items.erase(diary.items.begin() + 1, diary.items.begin() + 3);
  // The literals pin the way of writing: published instruments are compared by it, and stored with their hash.
  EXPECT_EQ(canonical_text(diary),
            R"({"items":[{"linkId":"pain","range":"[0:10]","type":"integer"},)"
            R"({"linkId":"pulse","plausible":"[30:220]","possible":"[0:350]","type":"decimal","unit":"/min"},)"
            R"({"linkId":"note","maxLength":5,"type":"text"}],"oid":"EVD","version":"1",)"
            R"("window":{"closes":"10:00+1d","daily":true,"due":"20:00","opens":"17:00"}})");
  EXPECT_EQ(canonical_text(Instrument{"A", "1", {{.link_id = "x", .type = ItemType::kChoice, .options = {"a", "\"b\""}}}, {}}),
            R"({"items":[{"linkId":"x","options":["a","\"b\""],"type":"choice"}],"oid":"A","version":"1"})");
  EXPECT_EQ(fingerprint(diary), sluice::sha256(sluice::as_bytes(canonical_text(diary))));
}

TEST(Instrument, ReadFromItsCanonicalTextIsEqual) {
  for (const Instrument& instrument : demo_study().instruments) {
    auto again = parse_instrument(canonical_text(instrument));
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(*again, instrument);
  }
}

TEST(Instrument, ChangesItsTextWithWhateverIsChanged) {
  const Instrument diary = demo_study().instruments[0];
  std::vector<Instrument> others(8, diary);
  others[0].items[0].range = range("[0:10)");
  others[1].items[0].link_id = "Pain";
  others[2].items[0].type = ItemType::kDecimal;
  others[3].items[3].possible.reset();
  others[4].window->is_daily = false;
  others[5].window.reset();
  std::swap(others[6].items[0], others[6].items[1]);
  others[7].items[4].max_length = 0;
  for (const Instrument& other : others) {
    EXPECT_NE(canonical_text(other), canonical_text(diary));
    EXPECT_NE(fingerprint(other), fingerprint(diary));
  }
}

TEST(WindowEnd, IsReadAsItIsWritten) {
  for (auto [text, end] : {std::pair("00:00", 0min), {"17:00", 17h}, {"23:59", 24h - 1min}, {"10:00+1d", 34h},
                           {"09:05+31d", 31 * 24h + 9h + 5min}}) {
    EXPECT_EQ(parse_window_end(text), end) << text;
    EXPECT_EQ(format_window_end(end), text);
  }
}

TEST(WindowEnd, RefusesEveryOtherText) {
  for (const char* text : {"", "17", "17:0", "7:00", "24:00", "17:60", "17:00+", "17:00+d", "17:00+0d", "17:00+32d",
                           "17:00+1", "17:00-1d", "17:00 +1d", "17:00+1dd", "-1:00", "17:00+100d", "1a:00"})
    EXPECT_EQ(parse_window_end(text), std::nullopt) << text;
}

}  // namespace
}  // namespace epro
