// SPDX-License-Identifier: MIT
//
// What bench/http asks besides apps/hello, with the default chain on, as peers/gin and peers/go/http answer it: a path
// variable, and ten readings that are decoded, validated and answered.
//
//   rest_server PORT [ADMIN_PORT [unprotected]]
//   rest_server PORT tls CERTIFICATE KEY
//
// GET /busy/MS takes so many milliseconds of a processor: what bench/overload asks. `unprotected`: without what refuses anything.
#include <charconv>
#include <cstdint>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include <sluice/net/tcp.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/service/admin.hpp>
#include <sluice/service/log_writer.hpp>
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

bool read_number(std::string_view digits, std::uint16_t& number) {
  auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  return error == std::errc() && end == digits.end();
}

Result<Ping> be_busy(Context&, const Request& request) {
  std::uint16_t ms = 0;
  if (!read_number(request.variable("ms"), ms)) return sluice::fail(sluice::Code::kInvalidArgument, "ms is a number");
  const sluice::Instant end = sluice::runtime_clock().now() + std::chrono::milliseconds(ms);
  while (sluice::runtime_clock().now() < end) {}
  return Ping{"done"};
}

// Health and metrics, on a port of their own.
Result<void> serve_admin(Context& ctx, std::uint16_t port, sluice::http::middleware::ChainParts parts) {
  sluice::http::Router routes;
  SLUICE_TRY(sluice::service::add_admin_routes(routes, parts.metrics, {}));
  SLUICE_TRY(auto addresses, sluice::net::resolve(ctx, {"127.0.0.1", port}));
  SLUICE_TRY(auto listener, sluice::net::listen(addresses.front()));
  sluice::http::Server server(std::move(listener), {}, std::ref(routes), {parts.clock, parts.metrics, parts.log});
  return server.serve(ctx);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0, admin_port = 0;
  const bool is_secure = argc == 5 && std::string_view(argv[2]) == "tls";
  if (argc < 2 || argc > (is_secure ? 5 : 4) || !read_number(argv[1], port) ||
      (argc > 2 && !is_secure && !read_number(argv[2], admin_port))) {
    std::fprintf(stderr, "usage: rest_server PORT [ADMIN_PORT [unprotected]]\n       rest_server PORT tls CERTIFICATE KEY\n");
    return 2;
  }
  const bool is_protected = argc != 4;
  return sluice::service::run_program([=](Context& ctx, Context& stop) -> Result<void> {
    sluice::observe::Registry metrics;
    sluice::observe::Logger log(sluice::runtime_clock(), metrics);
    sluice::observe::IdSource ids({1, 2});
    sluice::http::middleware::ChainParts parts{sluice::runtime_clock(), log, metrics, ids};
    sluice::service::RestConfig config{.name = "rest", .host = "127.0.0.1", .port = port};
    if (is_secure) config.cert_file = argv[3], config.key_file = argv[4];
    if (!is_protected) config.middlewares = {.max_conns = false, .breaker = false, .shedding = false, .timeout = false};
    sluice::service::Rest rest(config, parts);
    rest.get("/busy/:ms", be_busy);
    rest.get("/ping", [](Context&, const Request&) { return Ping{"pong"}; });
    rest.get("/patients/:id", [](Context&, const Request& request) {
      return Patient{std::string(request.variable("id")), "active"};
    });
    rest.post("/data/process", process);
    SLUICE_TRY(rest.listen(ctx));
    sluice::service::Program program(log);
    program.add("log", [&](Context& part) { return sluice::service::write_log(part, log, STDOUT_FILENO); });
    if (admin_port != 0) program.add("admin", [&](Context& part) { return serve_admin(part, admin_port, parts); });
    program.add("rest", [&](Context& part) { return rest.serve(part); });
    return program.run(ctx, stop);
  });
}
