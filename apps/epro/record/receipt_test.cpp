// SPDX-License-Identifier: MIT
#include <apps/epro/record/receipt.hpp>

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

Key16 key() {
  Key16 key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(0xF0 + i);
  return key;
}

const sluice::Sha256 kPayload = sluice::sha256(sluice::as_bytes("abc"));

ReceiptNote quarantined() {
  ReceiptNote note{uuid("6d0f2c8e-5d1a-4c55-9a57-000000000001"), Disposition::kQuarantined, {},
                   {{FindingCode::kInstrumentVersionUnknown, "/instrument/version"}, {FindingCode::kEmpty, ""}}, -120ms};
  note.flags.add(Flag::kOutOfRange);
  note.flags.add(Flag::kClockSkew);
  return note;
}

TEST(ReceiptId, IsThatOfWhatWasSent) {
  EXPECT_EQ(receipt_id_of(key(), kPayload), "r_f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffba7816bf8f01cfea");
  EXPECT_NE(receipt_id_of(key(), kPayload), receipt_id_of(Key16{}, kPayload));
  EXPECT_NE(receipt_id_of(key(), kPayload), receipt_id_of(key(), sluice::Sha256{}));
}

TEST(ReceiptId, GivesItsKeyBack) {
  const std::string id = receipt_id_of(key(), kPayload);
  EXPECT_EQ(parse_receipt_id(id), key());
  for (const std::string& text : {std::string(), id.substr(1), id.substr(0, id.size() - 1), id + "0", "R" + id.substr(1),
                                  "r_F" + id.substr(3), "r_g" + id.substr(3), id.substr(0, 20) + "-" + id.substr(21)})
    EXPECT_EQ(parse_receipt_id(text), std::nullopt) << text;
}

TEST(ReceiptNote, ComesBackAsItWas) {
  ReceiptNote plain{kPatientId, Disposition::kAccepted, {}, {}, 0ms};
  ReceiptNote without_skew{kPatientId, Disposition::kAccepted, {}, {}, {}};
  ReceiptNote from_1970{kPatientId, Disposition::kAccepted, Flags(1), {}, 1'772'478'191'120ms};
  ReceiptNote extreme{kPatientId, Disposition::kQuarantined, Flags(0xFFFFFFFF), {{FindingCode::kEmpty, std::string(300, 'x')}},
                      std::chrono::milliseconds(std::numeric_limits<std::int64_t>::min())};
  for (const ReceiptNote& note : {plain, without_skew, from_1970, extreme, quarantined()}) {
    auto again = decode_note(encode_note(note));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, note);
  }
}

TEST(ReceiptNote, IsSmall) {
  EXPECT_EQ(encode_note({kPatientId, Disposition::kAccepted, {}, {}, 63ms}).size(), 20u);
  EXPECT_EQ(encode_note({kPatientId, Disposition::kAccepted, {}, {}, -3600s}).size(), 23u);
  EXPECT_LT(encode_note(quarantined()).size(), 48u);
}

TEST(ReceiptNote, IsRefusedIfDamaged) {
  const std::string bytes = encode_note(quarantined());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_EQ(decode_note(std::string_view(bytes).substr(0, cut)).error().code(), sluice::Code::kDataLoss) << cut;
  EXPECT_FALSE(decode_note(bytes + "x"));
  auto with = [&](std::size_t place, char byte) {
    std::string other = bytes;
    other[place] = byte;
    return decode_note(other);
  };
  EXPECT_FALSE(with(0, 4)) << "a bit that we do not know";
  EXPECT_FALSE(with(22, '\x0A')) << "a code that we do not know";
  EXPECT_FALSE(decode_note(std::string(1, '\0') + std::string(16, 'u') + std::string(10, '\xFF'))) << "an endless number";
  EXPECT_FALSE(decode_note(std::string(1, '\0') + std::string(16, 'u') + '\0' + "\xFF\xFF\xFF\xFF\x0F")) << "many findings";
}

TEST(ReceiptNote, SaysWhatTheVerdictSaid) {
  Verdict verdict{{{FindingCode::kEmpty, "/items"}}, Flags(2), 5ms};
  EXPECT_EQ(note_of(kPatientId, verdict), (ReceiptNote{kPatientId, Disposition::kQuarantined, Flags(2), verdict.findings, 5ms}));
  verdict.findings.clear();
  EXPECT_EQ(note_of(kPatientId, verdict).disposition, Disposition::kAccepted);
}

TEST(Receipt, IsWrittenInTheOrderOfTheContract) {
  Receipt receipt{receipt_id_of(key(), kPayload), quarantined(), kReceived, kPayload, {"eu \"1\"", 918273}};
  EXPECT_EQ(to_json(receipt),
            R"({"receiptId":"r_f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffba7816bf8f01cfea",)"
            R"("submissionId":"6d0f2c8e-5d1a-4c55-9a57-000000000001","disposition":"quarantined",)"
            R"("findings":[{"code":"instrument-version-unknown","pointer":"/instrument/version"},{"code":"empty","pointer":""}],)"
            R"("flags":["clock_skew","out_of_range"],"receivedAt":"2026-03-02T19:03:12.131Z",)"
            R"("payloadSha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",)"
            R"("journal":{"node":"eu \"1\"","pos":918273},"skewMs":-120})");
  receipt.note = {kPatientId, Disposition::kAccepted, {}, {}, {}};
  EXPECT_TRUE(to_json(receipt).contains(R"("disposition":"accepted","findings":[],"flags":[],"receivedAt")"));
  EXPECT_TRUE(to_json(receipt, "stored").ends_with(R"(,"skewMs":null,"state":"stored"})"));
}

}  // namespace
}  // namespace epro
