// SPDX-License-Identifier: MIT
//
// What bench/http asks besides apps/hello, with the default chain on, as peers/gin and peers/go/http answer it: a path
// variable, and ten readings that are decoded, validated and answered.
//
//   rest_server PORT
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/service/program.hpp>
#include <sluice/service/rest.hpp>

namespace {

using sluice::Context;
using sluice::Result;
using sluice::http::Request;
namespace schema = sluice::schema;

struct Ping { std::string message; };
SLUICE_FIELDS(Ping, message)

struct Patient { std::string id; std::string status; };
SLUICE_FIELDS(Patient, id, status)

struct Reading { std::string patient_id; int heart_rate = 0; };
const schema::Fields<Reading>& sluice_fields(const Reading*) {
  static const schema::Fields<Reading> kFields = {schema::field("patientId", &Reading::patient_id).length_max(64),
                                                  schema::field("heartRate", &Reading::heart_rate).range(20, 350)};
  return kFields;
}

struct ProcessRequest { std::vector<Reading> data_list; };
const schema::Fields<ProcessRequest>& sluice_fields(const ProcessRequest*) {
  static const schema::Fields<ProcessRequest> kFields = {
      schema::field("dataList", &ProcessRequest::data_list).length_max(100)};
  return kFields;
}

struct Outcome { std::string patient_id; std::string status; };
const schema::Fields<Outcome>& sluice_fields(const Outcome*) {
  static const schema::Fields<Outcome> kFields = {schema::field("patientId", &Outcome::patient_id),
                                                  schema::field("status", &Outcome::status)};
  return kFields;
}

struct ProcessResponse { std::string message; std::vector<Outcome> results; };
SLUICE_FIELDS(ProcessResponse, message, results)

Result<ProcessResponse> process(Context&, const Request& request) {
  SLUICE_TRY(auto body, schema::from_json<ProcessRequest>(request.body()));
  ProcessResponse response{"Processed " + std::to_string(body.data_list.size()) + " data entries", {}};
  for (Reading& reading : body.data_list) response.results.push_back({std::move(reading.patient_id), "accepted"});
  return response;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view text = argc == 2 ? argv[1] : "";
  std::uint16_t port = 0;
  if (auto [end, error] = std::from_chars(text.begin(), text.end(), port); error != std::errc() || end != text.end()) {
    std::fprintf(stderr, "usage: rest_server PORT\n");
    return 2;
  }
  return sluice::service::run_program([port](Context& ctx, Context& stop) {
    sluice::service::Rest rest({.name = "rest", .host = "127.0.0.1", .port = port});
    rest.get("/ping", [](Context&, const Request&) { return Ping{"pong"}; });
    rest.get("/patients/:id", [](Context&, const Request& request) {
      return Patient{std::string(request.variable("id")), "active"};
    });
    rest.post("/data/process", process);
    return rest.run(ctx, stop);
  });
}
