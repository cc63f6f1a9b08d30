// SPDX-License-Identifier: MIT
// A note's bytes, numbers as LEB128 varints:
//
//   what (1: quarantined, 2: has a skew) | 16 bytes of the submission id | flags | skew, zigzag, if there is one |
//   number of findings | for each: its code, the length of its pointer, the pointer
//
// Notes are kept in memory for as long as the study runs, so they are packed, unlike the entries of the journal.
#include <apps/epro/record/receipt.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/internal/json_writer.hpp>
#include <apps/epro/record/timestamp.hpp>

namespace epro {
namespace {

using internal::JsonWriter;
using sluice::Result;

// ---- the id ----

constexpr std::string_view kPrefix = "r_";
constexpr std::size_t kPayloadBytes = 8;  // of its hash: enough to tell two payloads under one key apart
constexpr std::size_t kIdLength = kPrefix.size() + 2 * (sizeof(Key16) + kPayloadBytes);

// ---- the note ----

constexpr std::uint8_t kIsQuarantined = 1;
constexpr std::uint8_t kHasSkew = 2;

void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

/// Small numbers of either sign become small numbers without one.
std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1)); }

// Reads on after an error, which stays, as the reader of journal entries does.
class NoteReader {
 public:
  explicit NoteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      std::string_view byte = take(1);
      if (byte.empty()) return 0;
      auto bits = static_cast<std::uint8_t>(byte.front());
      value |= static_cast<std::uint64_t>(bits & 0x7F) << shift;
      if (bits < 0x80) return value;
    }
    is_sound_ = false;
    return 0;
  }
  /// A number up to `max`; more is damage.
  std::uint64_t number(std::uint64_t max) {
    std::uint64_t value = number();
    is_sound_ = is_sound_ && value <= max;
    return is_sound_ ? value : 0;
  }
  std::string_view take(std::uint64_t count) {
    is_sound_ = is_sound_ && count <= rest_.size();
    if (!is_sound_) return {};
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  [[nodiscard]] bool is_sound() const { return is_sound_; }
  [[nodiscard]] bool is_complete() const { return is_sound_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_sound_ = true;
};

Finding read_finding(NoteReader& reader) {
  auto code = static_cast<FindingCode>(reader.number(static_cast<std::uint64_t>(FindingCode::kEmpty)));
  return {code, std::string(reader.take(reader.number()))};
}

// ---- the JSON ----

void write_findings(JsonWriter& json, const std::vector<Finding>& findings) {
  json.key("findings").open('[');
  for (const Finding& finding : findings)
    json.open('{').text("code", to_string(finding.code)).text("pointer", finding.pointer).close('}');
  json.close(']');
}

void write_flags(JsonWriter& json, Flags flags) {
  json.key("flags").open('[');
  for (std::string_view name : flags.names()) json.text(name);
  json.close(']');
}

}  // namespace

std::string receipt_id_of(const Key16& key, const sluice::Sha256& payload) {
  return std::string(kPrefix) + sluice::to_hex(key) + sluice::to_hex(std::span(payload).first<kPayloadBytes>());
}

std::optional<Key16> parse_receipt_id(std::string_view text) {
  if (text.size() != kIdLength || !text.starts_with(kPrefix)) return std::nullopt;
  // Ids are compared as texts everywhere else, so the other case is another text.
  auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  std::string_view digits = text.substr(kPrefix.size());
  if (!std::ranges::all_of(digits, is_digit)) return std::nullopt;
  std::optional<std::string> bytes = sluice::from_hex(digits);
  Key16 key;
  std::memcpy(key.data(), bytes->data(), key.size());
  return key;
}

ReceiptNote note_of(const Uuid& submission_id, const Verdict& verdict) {
  return {submission_id, verdict.disposition(), verdict.flags, verdict.findings, verdict.skew};
}

std::string encode_note(const ReceiptNote& note) {
  std::uint8_t what = note.disposition == Disposition::kQuarantined ? kIsQuarantined : 0;
  if (note.skew) what |= kHasSkew;
  std::string bytes(1, static_cast<char>(what));
  bytes.append(sluice::as_text(std::as_bytes(std::span(note.submission_id.bytes))));
  put_number(bytes, note.flags.bits());
  if (note.skew) put_number(bytes, zigzag(note.skew->count()));
  put_number(bytes, note.findings.size());
  for (const Finding& finding : note.findings) {
    put_number(bytes, static_cast<std::uint64_t>(finding.code));
    put_number(bytes, finding.pointer.size());
    bytes.append(finding.pointer);
  }
  return bytes;
}

Result<ReceiptNote> decode_note(std::string_view bytes) {
  NoteReader reader(bytes);
  ReceiptNote note;
  std::uint64_t what = reader.number(kIsQuarantined | kHasSkew);
  if ((what & kIsQuarantined) != 0) note.disposition = Disposition::kQuarantined;
  std::string_view id = reader.take(note.submission_id.bytes.size());
  if (!id.empty()) std::memcpy(note.submission_id.bytes.data(), id.data(), id.size());
  note.flags = Flags(static_cast<std::uint32_t>(reader.number(std::numeric_limits<std::uint32_t>::max())));
  if ((what & kHasSkew) != 0) note.skew = std::chrono::milliseconds(unzigzag(reader.number()));
  for (std::uint64_t left = reader.number(); left > 0 && reader.is_sound(); --left)
    note.findings.push_back(read_finding(reader));
  if (!reader.is_complete()) return sluice::fail(sluice::Code::kDataLoss, "not the note of a receipt");
  return note;
}

std::string to_json(const Receipt& receipt, std::optional<std::string_view> state) {
  JsonWriter json;
  json.open('{')
      .text("receiptId", receipt.id)
      .text("submissionId", receipt.note.submission_id.text())
      .text("disposition", to_string(receipt.note.disposition));
  write_findings(json, receipt.note.findings);
  write_flags(json, receipt.note.flags);
  json.text("receivedAt", format_timestamp(receipt.received_at))
      .text("payloadSha256", sluice::to_hex(receipt.payload_sha256));
  json.key("journal").open('{').text("node", receipt.journal.node).number("pos", receipt.journal.pos).close('}');
  json.raw("skewMs", receipt.note.skew ? std::to_string(receipt.note.skew->count()) : "null");
  if (state) json.text("state", *state);
  json.close('}');
  return std::move(json).take();
}

}  // namespace epro
