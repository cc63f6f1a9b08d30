// SPDX-License-Identifier: MIT
//
// `epro serve`: every part built in order, nothing hidden. Parts start from top to bottom and stop from bottom to top: so
// no request is under way any more when the drain empties the reservoir, and the log is there to the end.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <sluice/http/router.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/reservoir/drain.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/runtime_metrics.hpp>
#include <sluice/service/admin.hpp>
#include <sluice/service/hog_log.hpp>
#include <sluice/service/log_writer.hpp>
#include <sluice/service/program.hpp>
#include <sluice/service/rest.hpp>

#include <apps/epro/commands.hpp>
#include <apps/epro/config.hpp>
#include <apps/epro/intake/api.hpp>
#include <apps/epro/intake/study_book.hpp>
#include <apps/epro/record/study_json.hpp>
#include <apps/epro/store/store.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Result;
using sluice::http::Request;
using sluice::service::Rest;

struct Pong {
  std::string message = "pong";
};
SLUICE_FIELDS(Pong, message)

// GET /ping is for people and probes; the article limits it to this.
constexpr sluice::governance::RateLimit kPingLimit{.per_second = 2, .burst = 5};

std::array<std::uint64_t, 2> random_words() {
  std::random_device entropy;
  auto word = [&] { return std::uint64_t{entropy()} << 32 | entropy(); };
  return {word(), word()};
}

void add_routes(Rest& rest, Api& api) {
  auto call = [&api](auto method) {
    return [&api, method](Context& ctx, const Request& request) { return (api.*method)(ctx, request); };
  };
  rest.get("/ping", [](Context&, const Request&) { return Pong{}; }, {.rate_limit = kPingLimit});
  rest.post("/data/process", call(&Api::process_data));
  rest.get("/v1/limits", [&api](Context&, const Request&) { return api.limits(); });
  rest.put("/v1/studies/:study", call(&Api::publish), {.timeout = std::chrono::seconds(30), .max_bytes = kStudyBytesMax});
  rest.post("/v1/studies/:study/submissions", call(&Api::submit), {.max_bytes = kEnvelopeBytesMax});
  rest.post("/v1/studies/:study/vitals:batch", call(&Api::submit_vitals), {.max_bytes = kVitalsBytesMax});
  rest.get("/v1/studies/:study/receipts/:id", call(&Api::find_receipt));
}

Result<void> publish_configured(Context& ctx, const Config& config, StudyBook& studies, sluice::observe::Logger& log) {
  for (const std::string& file : config.studies) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return sluice::fail(sluice::Code::kNotFound, "Studies: cannot read " + file);
    auto study = parse_study_yaml(text.str());
    if (!study) return sluice::fail(std::move(study).error().with(file));
    // What was published meanwhile by `epro study apply` may be more than this file: then the file does not win.
    auto published = studies.publish(ctx, *std::move(study));
    if (!published && published.error().code() != sluice::Code::kFailedPrecondition)
      return sluice::fail(std::move(published).error().with(file));
    log.info(published ? "study published from its file" : "study stands as it was published later: its file was not applied",
             {{"file", std::string_view(file)}});
  }
  return {};
}

// What was said before a start that failed is written too.
struct FlushedLog {
  sluice::observe::Logger& log;
  ~FlushedLog() { sluice::service::flush_log(log, STDOUT_FILENO); }
};

// For programs that start us: where we really listen.
void say_ready(const sluice::net::Address& address, const sluice::net::Address& admin) {
  std::printf("ready port=%u admin=%u\n", unsigned{address.port}, unsigned{admin.port});
  std::fflush(stdout);
}

Result<void> serve(Context& ctx, Context& stop, const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  const std::filesystem::path data = config.data;
  sluice::observe::Registry metrics;
  sluice::RuntimeMetrics runtime_metrics(metrics);
  sluice::observe::Logger log(sluice::runtime_clock(), metrics, {.level = config.log_level()});
  sluice::service::HogLog hogs(ctx, log);
  sluice::observe::IdSource ids(random_words());
  sluice::reservoir::Reservoir::Parts parts{sluice::runtime_clock(), log, metrics};
  FlushedLog flushed{log};

  for (const std::string& warning : loaded.warnings) log.error(warning);
  log.alert("auth is off: whoever reaches this port may submit and publish", {{"host", config.host}});

  SLUICE_TRY(auto reservoir, sluice::reservoir::Reservoir::open(ctx, {.folder = data / "journal",
                                                                      .bytes_max = config.reservoir.bytes_max,
                                                                      .segment_bytes = config.reservoir.segment_bytes},
                                                                parts));
  Store store({.file = data / "epro.db",
               .journal_id = reservoir->journal_id(),
               .may_create = reservoir->oldest() == 1},
              {log, metrics});
  sluice::reservoir::Drain drain(*reservoir, store, {}, parts);
  SLUICE_TRY(drain.check(ctx));  // before anything is added to a journal that may be the wrong one
  SLUICE_TRY(auto studies, StudyBook::open(ctx, data / "studies", *reservoir));
  SLUICE_TRY(publish_configured(ctx, config, *studies, log));
  Api api(ctx, *studies, *reservoir,
          {.node = config.name, .region = config.region, .seed = std::to_string(random_words()[0])});

  Rest rest({.name = config.name,
             .host = config.host,
             .port = config.port,
             .cert_file = config.cert_file,
             .key_file = config.key_file,
             .timeout = config.timeout,
             .max_bytes = config.bytes_max,
             .max_connections = config.connections_max,
             .max_requests = config.connections_max,
             .cpu_threshold = config.cpu_threshold,
             .middlewares = config.middlewares},
            {sluice::runtime_clock(), log, metrics, ids});
  add_routes(rest, api);
  SLUICE_TRY(rest.listen(ctx));

  sluice::http::Router admin_routes;
  SLUICE_TRY(sluice::service::add_admin_routes(
      admin_routes, metrics, {{"journal", [&reservoir] { return reservoir->writable(); }}}));
  SLUICE_TRY(auto admin_address, sluice::net::resolve(ctx, {config.dev_server.host, config.dev_server.port}));
  SLUICE_TRY(auto admin_listener, sluice::net::listen(admin_address.front()));
  sluice::http::Server admin(std::move(admin_listener), {}, std::ref(admin_routes),
                             {sluice::runtime_clock(), metrics, log});

  sluice::service::Program program(log);
  program.add("log", [&](Context& part) { return sluice::service::write_log(part, log, STDOUT_FILENO); });
  program.add("admin", [&](Context& part) { return admin.serve(part); });
  program.add("drain", [&](Context& part) { return drain.run(part); });
  program.add("rest", [&](Context& part) { return rest.serve(part); });
  say_ready(rest.address(), admin.address());
  auto ended = program.run(ctx, stop);
  SLUICE_TRY(reservoir->close(ctx));
  return ended;
}

}  // namespace

void add_serve(CLI::App& app, Command& chosen) {
  CLI::App* command = app.add_subcommand("serve", "takes reports, all in one process");
  auto file = std::make_shared<std::string>("etc/epro.yaml");  // shared_ptr: the option and the callback
  command->add_option("-f,--config", *file, "configuration (YAML)")->capture_default_str();
  command->callback([file, &chosen] {
    chosen = [file] {
      auto loaded = load_config(*file);
      if (!loaded) {
        std::fprintf(stderr, "epro: %s\n", loaded.error().describe().c_str());
        return EXIT_FAILURE;
      }
      return sluice::service::run_program(
          [&](Context& ctx, Context& stop) { return serve(ctx, stop, *loaded); },
          {.runtime = {.processors = loaded->config.processors}, .stop_time = loaded->config.shutdown.wait_time});
    };
  });
}

}  // namespace epro
