// SPDX-License-Identifier: MIT
#include <apps/epro/record/journal_entry.hpp>

#include <array>
#include <cstddef>
#include <utility>

#include <sluice/base/bytes.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Result;

class Writer {
 public:
  void number(std::uint32_t value) {
    std::array<std::byte, 4> raw;
    sluice::store_little(raw.data(), value);
    bytes_.append(sluice::as_text(raw));
  }
  void long_number(std::uint64_t value) {
    std::array<std::byte, 8> raw;
    sluice::store_little(raw.data(), value);
    bytes_.append(sluice::as_text(raw));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  void judgement(const Judgement& judgement) {
    text(judgement.receipt_id);
    number(judgement.is_accepted ? 1 : 0);
    number(judgement.flags.bits());
    number(static_cast<std::uint32_t>(judgement.findings.size()));
    for (const Finding& finding : judgement.findings) {
      number(static_cast<std::uint32_t>(finding.code));
      text(finding.pointer);
    }
  }
  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads on after an error, which stays: one check at the end is enough, and every loop is bounded by what is there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint32_t number() {
    auto raw = take(4);
    return raw.size() == 4 ? sluice::load_little<std::uint32_t>(sluice::as_bytes(raw).data()) : 0;
  }
  std::uint64_t long_number() {
    auto raw = take(8);
    return raw.size() == 8 ? sluice::load_little<std::uint64_t>(sluice::as_bytes(raw).data()) : 0;
  }
  std::string text() { return std::string(take(number())); }
  Judgement judgement() {
    Judgement judgement;
    judgement.receipt_id = text();
    judgement.is_accepted = number() == 1;
    judgement.flags = Flags(number());
    for (std::uint32_t left = number(); left > 0 && is_sound_; --left) {
      auto code = number();
      is_sound_ = is_sound_ && code <= static_cast<std::uint32_t>(FindingCode::kEmpty);
      judgement.findings.push_back({static_cast<FindingCode>(code), text()});
    }
    return judgement;
  }
  [[nodiscard]] bool is_sound() const { return is_sound_; }
  [[nodiscard]] bool is_complete() const { return is_sound_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    is_sound_ = is_sound_ && count <= rest_.size();
    if (!is_sound_) return {};
    auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
  bool is_sound_ = true;
};

}  // namespace

std::string encode(const StudyEntry& entry) {
  Writer writer;
  writer.long_number(entry.revision);
  writer.text(entry.definition);
  return std::move(writer).take();
}

std::string encode(const ReportEntry& entry) {
  Writer writer;
  writer.text(entry.study);
  writer.judgement(entry.judgement);
  writer.text(entry.payload);
  return std::move(writer).take();
}

std::string encode(const VitalsEntry& entry) {
  Writer writer;
  writer.text(entry.study);
  writer.number(static_cast<std::uint32_t>(entry.items.size()));
  for (const VitalsItemEntry& item : entry.items) {
    writer.text(item.id);
    writer.text(item.patient_id);
    writer.text(item.new_subject_key);
    writer.judgement(item.judgement);
    writer.number(static_cast<std::uint32_t>(item.alerts.size()));
    for (const std::string& alert : item.alerts) writer.text(alert);
    writer.text(item.payload);
  }
  return std::move(writer).take();
}

Result<StudyEntry> decode_study(std::string_view bytes) {
  Reader reader(bytes);
  StudyEntry entry;
  entry.revision = reader.long_number();
  entry.definition = reader.text();
  if (!reader.is_complete()) return sluice::fail(Code::kDataLoss, "not a study entry");
  return entry;
}

Result<ReportEntry> decode_report(std::string_view bytes) {
  Reader reader(bytes);
  ReportEntry entry;
  entry.study = reader.text();
  entry.judgement = reader.judgement();
  entry.payload = reader.text();
  if (!reader.is_complete()) return sluice::fail(Code::kDataLoss, "not a report entry");
  return entry;
}

Result<VitalsEntry> decode_vitals(std::string_view bytes) {
  Reader reader(bytes);
  VitalsEntry entry;
  entry.study = reader.text();
  for (std::uint32_t left = reader.number(); left > 0 && reader.is_sound(); --left) {
    VitalsItemEntry& item = entry.items.emplace_back();
    item.id = reader.text();
    item.patient_id = reader.text();
    item.new_subject_key = reader.text();
    item.judgement = reader.judgement();
    for (std::uint32_t alerts = reader.number(); alerts > 0 && reader.is_sound(); --alerts)
      item.alerts.push_back(reader.text());
    item.payload = reader.text();
  }
  if (!reader.is_complete()) return sluice::fail(Code::kDataLoss, "not a vitals entry");
  return entry;
}

}  // namespace epro
