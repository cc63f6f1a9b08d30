// SPDX-License-Identifier: MIT
#include <apps/epro/intake/api.hpp>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <sluice/base/bytes.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/schema/json.hpp>
#include <sluice/schema/json_value.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Duration;
using sluice::Error;
using sluice::Result;
using sluice::http::Problem;
using sluice::http::Request;
using sluice::http::Response;
using sluice::schema::Json;
namespace status = sluice::http::status;

// The study that the article's endpoint reports to.
constexpr std::string_view kArticleStudy = "DEMO";
// A full item has some thirty values; the rest is for fields that we keep without looking at them.
constexpr std::size_t kVitalsValuesMax = 64 * kVitalsItemsMax;
// Items that wait for one of the pool's workers, of all requests together. Beyond it a request waits for room.
constexpr std::size_t kPoolQueue = 1000;

struct DataProcessRequest {
  std::vector<HeartRate> dataList;
};
struct DataProcessResult {
  std::string patientId;
  std::string result;
  std::optional<std::string> code;
  std::vector<std::string> alerts;
};
struct DataProcessAnswer {
  std::string message;
  std::vector<DataProcessResult> results;
};
struct ItemAnswer {
  std::optional<std::string> id;
  std::string result;
  std::optional<std::string> code;
  std::optional<std::string> pointer;
  std::vector<std::string> flags;
  std::vector<std::string> alerts;
};
struct BatchAnswer {
  std::vector<ItemAnswer> items;
};
// A problem (RFC 9457) with the items that were to be all or nothing.
struct BatchRefusal {
  std::string type = "about:blank";
  std::string title = "Bad Request";
  int status = sluice::http::status::kBadRequest;
  std::string code = "batch-refused";
  std::vector<ItemAnswer> items;
};
struct PublicationAnswer {
  std::string study;
  std::uint64_t revision = 0;
  std::vector<std::string> changes;
};
struct LimitsAnswer {
  std::uint64_t submissionBytes = kEnvelopeBytesMax;
  std::uint64_t submissionItems = kEnvelopeItemsMax;
  std::uint64_t vitalsBytes = kVitalsBytesMax;
  std::uint64_t vitalsItems = kVitalsItemsMax;
  std::uint64_t studyBytes = kStudyBytesMax;
};

}  // namespace

SLUICE_FIELDS(HeartRate, patientId, heartRate)

namespace {

SLUICE_FIELDS(DataProcessRequest, dataList)
SLUICE_FIELDS(DataProcessResult, patientId, result, code, alerts)
SLUICE_FIELDS(DataProcessAnswer, message, results)
SLUICE_FIELDS(ItemAnswer, id, result, code, pointer, flags, alerts)
SLUICE_FIELDS(BatchAnswer, items)
SLUICE_FIELDS(BatchRefusal, type, title, status, code, items)
SLUICE_FIELDS(PublicationAnswer, study, revision, changes)
SLUICE_FIELDS(LimitsAnswer, submissionBytes, submissionItems, vitalsBytes, vitalsItems, studyBytes)

enum class MediaType : std::uint8_t { kJson, kNdjson };

// No type at all is taken for JSON.
Result<MediaType> media_type(const Request& request) {
  auto header = request.headers().find("content-type");
  if (!header) return MediaType::kJson;
  std::string_view type = header->substr(0, header->find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  using sluice::http::equal_ignoring_case;
  if (equal_ignoring_case(type, "application/json")) return MediaType::kJson;
  if (equal_ignoring_case(type, "application/x-ndjson")) return MediaType::kNdjson;
  return sluice::fail(Error(Code::kInvalidArgument, "JSON or NDJSON").because("unsupported-media-type").at("content-type"));
}

Result<void> require_json(const Request& request) {
  SLUICE_TRY(auto type, media_type(request));
  if (type == MediaType::kJson) return {};
  return sluice::fail(Error(Code::kInvalidArgument, "JSON only").because("unsupported-media-type").at("content-type"));
}

Error no_such_study() { return Error(Code::kPermissionDenied, "no such study").because("forbidden"); }

Error too_many(std::string pointer) {
  return Error(Code::kInvalidArgument, "too many items").because("too-large").at(std::move(pointer));
}

// RFC 7240: a list of preferences, each with parameters behind semicolons; values may be quoted, names have no case.
Handling handling_of(const Request& request) {
  for (std::size_t i = 0; i < request.headers().size(); ++i) {
    auto [name, list] = request.headers()[i];
    if (!sluice::http::equal_ignoring_case(name, "prefer")) continue;
    for (std::string_view preference; sluice::http::next_list_item(list, preference);) {
      std::string_view plain = preference.substr(0, preference.find(';'));
      while (plain.ends_with(' ') || plain.ends_with('\t')) plain.remove_suffix(1);
      for (std::string_view strict : {"handling=strict", "handling=\"strict\""})
        if (sluice::http::equal_ignoring_case(plain, strict)) return Handling::kStrict;
    }
  }
  return Handling::kLenient;
}

Result<BatchMode> batch_mode(const Request& request) {
  auto mode = request.query_value("mode");
  if (!mode) return BatchMode::kIndependent;
  if (*mode == "atomic") return BatchMode::kAtomic;
  return sluice::fail(Error(Code::kInvalidArgument, "atomic, or left out").because("invalid-field").at("mode"));
}

// An item's error by what it is relative to the item: what the batch's reader says of the whole is not.
std::vector<Result<VitalsItem>> read_items(std::span<const Json> list) {
  std::vector<Result<VitalsItem>> items;
  items.reserve(list.size());
  for (const Json& each : list) items.push_back(read_vitals_item(each));
  return items;
}

// {"batchId":…,"items":[…]} or the bare list.
Result<std::vector<Result<VitalsItem>>> read_json_batch(std::string_view body) {
  auto json = sluice::schema::parse_json(body, {.depth_max = kVitalsItemDepthMax + 2, .values_max = kVitalsValuesMax});
  // Where it is too deep the names are anybody's.
  if (!json && json.error().reason() == "too-deep") return sluice::fail(std::move(json).error().at(""));
  if (!json) return sluice::fail(std::move(json).error());
  if (json->is_array()) {
    if (json->items().size() > kVitalsItemsMax) return sluice::fail(too_many(""));
    return read_items(json->items());
  }
  auto malformed = [](const char* pointer) {
    return sluice::fail(Error(Code::kInvalidArgument, "not a batch").because("invalid-envelope").at(pointer));
  };
  const Json* id = json->find("batchId");
  if (id != nullptr && !id->is_null() && (!id->is_string() || !parse_uuid(id->text()))) return malformed("/batchId");
  const Json* list = json->find("items");
  if (list == nullptr || !list->is_array()) return malformed("/items");
  if (list->items().size() > kVitalsItemsMax) return sluice::fail(too_many("/items"));
  return read_items(list->items());
}

// One item a line; blank lines are none.
Result<std::vector<Result<VitalsItem>>> read_ndjson_batch(std::string_view body) {
  std::vector<Result<VitalsItem>> items;
  while (!body.empty()) {
    auto end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == body.npos ? body.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (items.size() == kVitalsItemsMax) return sluice::fail(too_many(""));
    items.push_back(parse_vitals_item(line));
  }
  return items;
}

Result<std::vector<Result<VitalsItem>>> read_batch(const Request& request) {
  SLUICE_TRY(MediaType type, media_type(request));
  return type == MediaType::kJson ? read_json_batch(request.body()) : read_ndjson_batch(request.body());
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

ItemAnswer answer_of(const ItemResult& result) {
  ItemAnswer answer{.id = unless_empty(result.id),
                    .result = std::string(to_string(result.outcome)),
                    .code = unless_empty(result.code),
                    .pointer = unless_empty(result.pointer),
                    .flags = {},
                    .alerts = result.alerts};
  for (std::string_view flag : result.flags.names()) answer.flags.emplace_back(flag);
  return answer;
}

Result<std::vector<HeartRate>> read_heart_rates(const Request& request) {
  SLUICE_TRY(auto parsed,
             sluice::schema::from_json<DataProcessRequest>(request.body(), {.values_max = kVitalsValuesMax}));
  if (parsed.dataList.size() > kVitalsItemsMax) return sluice::fail(too_many("/dataList"));
  for (std::size_t i = 0; i < parsed.dataList.size(); ++i)
    if (!is_identifier(parsed.dataList[i].patientId))
      return sluice::fail(Error(Code::kInvalidArgument, "not an identifier")
                              .because("invalid-field")
                              .at("/dataList/" + std::to_string(i) + "/patientId"));
  return std::move(parsed.dataList);
}

DataProcessResult answer_of(const HeartRate& reading, const Result<ItemResult>& result) {
  if (!result)
    return {.patientId = reading.patientId, .result = "refused", .code = sluice::http::problem_of(result.error()).code,
            .alerts = {}};
  return {.patientId = reading.patientId,
          .result = std::string(to_string(result->outcome)),
          .code = unless_empty(result->code),
          .alerts = result->alerts};
}

// Clients that were refused together must not come back together: each waits up to twice as long, by where it calls from.
Duration spread(Duration wait, const Request& request) {
  auto peer = request.peer();
  std::size_t hash = std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(peer.ip.data()), peer.ip.size()}) * 31 + peer.port;
  return wait + wait * static_cast<int>(hash % 1000) / 1000;
}

}  // namespace

Api::Api(Context& ctx, StudyBook& studies, sluice::reservoir::Reservoir& reservoir, ApiOptions options)
    : studies_(studies),
      reservoir_(reservoir),
      submissions_(reservoir, options.node),
      vitals_(reservoir),
      options_(std::move(options)),
      pool_(ctx, {.workers = kWorkers, .queue = kPoolQueue},
            [this](Context& item_ctx, const HeartRate& reading) { return take_heart_rate(item_ctx, reading); }) {}

Result<std::shared_ptr<const PublishedStudy>> Api::find_study(std::string_view oid) const {
  auto study = studies_.find(oid);
  if (study == nullptr) return sluice::fail(no_such_study());
  if (study->study().region != options_.region)
    return sluice::fail(Error(Code::kFailedPrecondition, "its data is kept in another region").because("wrong-region"));
  return study;
}

Response Api::refuse(Error why, const Request& request, std::size_t items_max) const {
  Problem problem = sluice::http::problem_of(why);
  if (problem.status == status::kServiceUnavailable) problem.retry_after = spread(reservoir_.retry_after(), request);
  if (problem.status == status::kContentTooLarge) problem.limit = items_max;
  Response response = sluice::http::to_response(problem);
  response.cause = std::move(why);
  return response;
}

Response Api::submit(Context& ctx, const Request& request) {
  if (auto json = require_json(request); !json) return refuse(std::move(json).error(), request);
  auto study = find_study(request.variable("study"));
  if (!study) return refuse(std::move(study).error(), request);
  const Handling handling = handling_of(request);
  auto submitted = submissions_.submit(ctx, **study, request.body(), handling);
  if (!submitted) {
    bool is_strict = submitted.error().code() == Code::kFailedPrecondition && handling == Handling::kStrict;
    Response response = refuse(std::move(submitted).error(), request, kEnvelopeItemsMax);
    if (!is_strict) return response;
    Problem problem = sluice::http::problem_of(*response.cause);
    problem.status = status::kUnprocessableContent;
    return sluice::http::to_response(problem);
  }
  return Response::json_text(to_json(submitted->receipt), submitted->is_new ? status::kAccepted : status::kOk);
}

Response Api::submit_vitals(Context& ctx, const Request& request) {
  auto study = find_study(request.variable("study"));
  if (!study) return refuse(std::move(study).error(), request);
  auto mode = batch_mode(request);
  if (!mode) return refuse(std::move(mode).error(), request);
  auto items = read_batch(request);
  if (!items) return refuse(std::move(items).error(), request);
  auto batch = vitals_.submit(ctx, **study, *items, *mode);
  if (!batch) return refuse(std::move(batch).error(), request);
  std::vector<ItemAnswer> answers;
  answers.reserve(batch->items.size());
  for (const ItemResult& result : batch->items) answers.push_back(answer_of(result));
  if (batch->is_taken) return sluice::http::json(BatchAnswer{std::move(answers)});
  BatchRefusal refusal;
  refusal.items = std::move(answers);
  return Response::with_type(sluice::http::kProblemType, sluice::schema::to_json(refusal), refusal.status);
}

Response Api::find_receipt(Context&, const Request& request) {
  auto study = find_study(request.variable("study"));
  if (!study) return refuse(std::move(study).error(), request);
  auto found = submissions_.find((*study)->study().oid, request.variable("id"));
  if (!found) return refuse(Error(Code::kNotFound, "no such receipt"), request);
  return Response::json_text(to_json(found->receipt, to_string(found->state)));
}

Response Api::publish(Context& ctx, const Request& request) {
  if (auto json = require_json(request); !json) return refuse(std::move(json).error(), request);
  auto study = parse_study(request.body());
  if (!study) return refuse(std::move(study).error(), request);
  if (study->oid != request.variable("study"))
    return refuse(Error(Code::kInvalidArgument, "not the study of the path").because("invalid-study").at("/study/oid"),
                  request);
  std::string oid = study->oid;
  auto publication = studies_.publish(ctx, *std::move(study));
  if (!publication) {
    // What would vanish is a conflict with what stands.
    Problem problem = sluice::http::problem_of(publication.error());
    if (publication.error().code() == Code::kFailedPrecondition) problem.status = status::kConflict;
    return problem.status == status::kConflict ? sluice::http::to_response(problem)
                                               : refuse(std::move(publication).error(), request);
  }
  return sluice::http::json(PublicationAnswer{std::move(oid), publication->revision, std::move(publication->changes)});
}

// Whatever type the request names: it is the endpoint for trying things out, and `curl -d` names forms.
Response Api::process_data(Context& ctx, const Request& request) {
  auto readings = read_heart_rates(request);
  if (!readings) return refuse(std::move(readings).error(), request);
  if (readings->empty()) return sluice::http::json(DataProcessAnswer{"No data to process", {}});
  auto results = pool_.process(ctx, *readings);
  DataProcessAnswer answer{"Processed " + std::to_string(results.size()) + " data entries", {}};
  bool any_taken = false;
  for (std::size_t i = 0; i < results.size(); ++i) {
    answer.results.push_back(answer_of((*readings)[i], results[i]));
    any_taken = any_taken || results[i].has_value();
  }
  if (!any_taken) return refuse(std::move(results.front()).error(), request);
  return sluice::http::json(answer);
}

Result<ItemResult> Api::take_heart_rate(Context& ctx, const HeartRate& reading) {
  SLUICE_TRY(auto study, find_study(kArticleStudy));
  // relaxed: a number that nobody else gets is all that is asked of it.
  std::uint64_t number = readings_.fetch_add(1, std::memory_order_relaxed);
  Uuid id = time_ordered_uuid(reservoir_.stamp(), derive_uuid({"reading", options_.seed, std::to_string(number)}));
  return vitals_.submit_heart_rate(ctx, *study, reading.patientId, reading.heartRate, id);
}

Response Api::limits() const { return sluice::http::json(LimitsAnswer{}); }

}  // namespace epro
