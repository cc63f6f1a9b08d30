// SPDX-License-Identifier: MIT
#include <apps/epro/record/envelope.hpp>

#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/schema/json_reader.hpp>

#include <apps/epro/record/internal/object_reader.hpp>

namespace epro {
namespace {

using internal::ObjectReader;
using sluice::Result;
using sluice::schema::Json;

constexpr internal::DocumentKind kEnvelope{"invalid-envelope"};
constexpr sluice::schema::JsonLimits kLimits{.depth_max = kEnvelopeDepthMax, .bytes_max = kEnvelopeBytesMax};

Result<Json> parse_json(std::span<const std::byte> body) {
  auto json = sluice::schema::parse_json(sluice::as_text(body), kLimits);
  // The path to what is too deep is as long as the limit, and all of it are names that only the sender knows.
  if (!json && json.error().reason() == "too-deep") return sluice::fail(std::move(json).error().at(""));
  return json;
}

Result<DeviceSeq> read_device(const ObjectReader& report) {
  SLUICE_TRY(ObjectReader json, report.object("device"));
  DeviceSeq device;
  SLUICE_TRY(device.id, json.identifier("id"));
  SLUICE_TRY(device.epoch, json.positive("epoch"));
  SLUICE_TRY(device.seq, json.positive("seq"));
  return device;
}

Result<void> read_instrument(const ObjectReader& report, Envelope& envelope) {
  SLUICE_TRY(ObjectReader json, report.object("instrument"));
  SLUICE_TRY(envelope.instrument_oid, json.identifier("oid"));
  SLUICE_TRY(envelope.instrument_version, json.identifier("version"));
  return {};
}

/// What a time says is for judge() to weigh; that there is one is not.
Result<std::expected<Timestamp, FindingCode>> read_time(const ObjectReader& report, std::string_view name) {
  SLUICE_TRY(std::string text, report.text(name));
  return parse_timestamp(text);
}

Result<std::vector<Answer>> read_answers(const ObjectReader& report) {
  SLUICE_TRY(auto items, report.list("items"));
  if (items.size() > kEnvelopeItemsMax)
    return sluice::fail(
        sluice::Error(sluice::Code::kInvalidArgument, "too many items").because("too-large").at("/items"));
  std::vector<Answer> answers;
  answers.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    SLUICE_TRY(ObjectReader item, report.element("items", i, items[i]));
    SLUICE_TRY(std::string link_id, item.text("linkId"));
    answers.push_back({std::move(link_id), item.value("value"), item.value("unit"), item.value("absent")});
  }
  return answers;
}

Result<Envelope> read_envelope(const ObjectReader& report) {
  Envelope envelope;
  SLUICE_TRY(envelope.submission_id, report.uuid("submissionId"));
  SLUICE_TRY(envelope.patient_id, report.uuid("patientId"));
  SLUICE_TRY(envelope.device, read_device(report));
  SLUICE_TRY(read_instrument(report, envelope));
  if (report.has("windowId")) {
    SLUICE_TRY(envelope.window_id, report.identifier("windowId"));
  }
  SLUICE_TRY(envelope.originator, report.identifier("originator"));
  SLUICE_TRY(envelope.captured_at, read_time(report, "capturedAt"));
  SLUICE_TRY(envelope.sent_at, read_time(report, "sentAt"));
  SLUICE_TRY(envelope.answers, read_answers(report));
  return envelope;
}

}  // namespace

Result<Envelope> parse_envelope(std::span<const std::byte> body) {
  SLUICE_TRY(Json json, parse_json(body));
  SLUICE_TRY(ObjectReader report, ObjectReader::of(json, "", kEnvelope));
  return read_envelope(report);
}

}  // namespace epro
