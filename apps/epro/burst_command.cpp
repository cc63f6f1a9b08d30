// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include <sluice/http/client.hpp>
#include <sluice/http/origin.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/schema/duration.hpp>
#include <sluice/schema/json_writer.hpp>
#include <sluice/service/program.hpp>

#include <apps/epro/client/burst.hpp>
#include <apps/epro/client/burst_report.hpp>
#include <apps/epro/client/publish.hpp>
#include <apps/epro/commands.hpp>
#include <apps/epro/ledger_check.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Duration;
using sluice::Result;
using sluice::schema::Json;

struct BurstArguments {
  std::size_t patients = 0;
  std::string within;
  std::string url = "http://127.0.0.1:8888";
  std::string ledger;    // empty: a fresh file under var/
  std::string database;  // empty: do not verify
  std::optional<std::uint64_t> seed;
  std::size_t connections = RetryOptions{}.connections;
  bool is_json = false;
};

// More are no peak but a misconfigured load balancer, and more than a process may open by default.
constexpr std::size_t kConnectionsMax = 10'000;
// How long the drain may take behind the last acknowledgement: 400 rows a second for the 50,000 of the issue.
constexpr Duration kDrainPatience = std::chrono::seconds(120);
// The phones' time in a run that can be repeated: it is in the reports, and the same id must have the same bytes.
constexpr sluice::WallTime kRepeatableEvening{std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) +
                                              std::chrono::hours(19)};

// Named by its seed if it has one: then a second run repeats the first, and the server knows it already.
struct Run {
  explicit Run(std::optional<std::uint64_t> given)
      : seed(given ? *given : random_word()),
        diaries(given ? "seed" + std::to_string(seed) : random_name(seed), given ? kRepeatableEvening : now()) {}

  static std::uint64_t random_word() {
    std::random_device entropy;
    return std::uint64_t{entropy()} << 32 | entropy();
  }
  static std::string random_name(std::uint64_t word) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(word));
    return text.data();
  }
  static sluice::WallTime now() { return sluice::runtime_clock().wall_now(); }

  std::uint64_t seed;
  DiaryRun diaries;
};

Result<std::filesystem::path> ledger_path(const BurstArguments& arguments, const Run& run) {
  if (!arguments.ledger.empty()) return arguments.ledger;
  std::error_code error;
  std::filesystem::create_directories("var", error);
  if (error) return sluice::fail(sluice::errno_error(error.value(), "create var"));
  return std::filesystem::path("var") / ("burst-" + run.diaries.name() + ".ledger");
}

Result<void> publish(Context& ctx, sluice::http::Client& client, std::size_t patients) {
  RetryingClient sender(client, sluice::runtime_clock(), kPublishOptions);
  auto published = publish_study(ctx, sender, burst_study(patients));
  // An earlier burst had more patients: those of this one are among them.
  bool is_larger = !published && published.error().reason() == "study-in-use" && published.error().field() == "/patients";
  if (!published && !is_larger) return sluice::fail(std::move(published).error());
  return {};
}

Result<BurstResult> burst(Context& ctx, const BurstArguments& arguments, const Run& run, const std::filesystem::path& path) {
  SLUICE_TRY(auto origin, sluice::http::parse_origin(arguments.url, "--url"));
  SLUICE_TRY(auto client, sluice::http::Client::open(ctx, origin, sluice::runtime_clock(),
                                                     {.idle_max = arguments.connections}));
  SLUICE_TRY(publish(ctx, *client, arguments.patients));
  SLUICE_TRY(auto ledger, Ledger::create(ctx, path, {std::string(kBurstStudy), run.diaries.device_prefix()}));
  RetryingClient sender(*client, sluice::runtime_clock(), {.connections = arguments.connections, .seed = run.seed});
  Progress progress(ctx, "burst", arguments.patients, sluice::runtime_clock(), Progress::terminal_is_there());
  BurstOptions options{.patients = arguments.patients,
                       .within = sluice::schema::parse_duration(arguments.within).value(),
                       .seed = run.seed};
  return run_burst(ctx, {sender, *ledger, sluice::runtime_clock(), progress}, run.diaries, options);
}

Result<LedgerCheck> verify(Context& ctx, const BurstArguments& arguments, const std::filesystem::path& path) {
  SLUICE_TRY(LedgerContent ledger, read_ledger(ctx, path));
  return check_ledger(ctx, ledger, arguments.database, sluice::runtime_clock(), kDrainPatience);
}

std::string describe(const LedgerCheck& check) {
  auto number = [](std::uint64_t count, const char* what) { return std::to_string(count) + what; };
  std::string text = "verified      " + number(check.acknowledged, " acknowledged, ") + number(check.stored, " stored: ") +
                     number(check.lost, " lost, ") + number(check.doubled, " doubled, ") + number(check.wrong, " wrong, ") +
                     number(check.unwanted, " refused yet stored, ") + number(check.unsent, " never sent\n");
  for (const std::string& line : check.first) text += "  " + line + "\n";
  return text;
}

Json to_json(const LedgerCheck& check) {
  Json json = Json::object();
  json.add("agrees", Json::boolean(check.agrees())).add("stored", Json::number(check.stored));
  json.add("lost", Json::number(check.lost)).add("doubled", Json::number(check.doubled));
  json.add("wrong", Json::number(check.wrong)).add("refusedYetStored", Json::number(check.unwanted));
  return json.add("neverSent", Json::number(check.unsent)).add("unknown", Json::number(check.unknown));
}

void print(const BurstArguments& arguments, const Run& run, const std::filesystem::path& ledger, const BurstResult& result,
           const std::optional<LedgerCheck>& check) {
  std::string text;
  if (arguments.is_json) {
    Json json = to_json(result);
    json.add("run", Json::string(run.diaries.name())).add("ledger", Json::string(ledger.string()));
    if (check) json.add("verified", to_json(*check));
    text = sluice::schema::to_text(json) + "\n";
  } else {
    text = std::to_string(arguments.patients) + " patients within " + arguments.within + ", run " + run.diaries.name();
    text += "\n" + describe(result) + "ledger        " + ledger.string() + "\n";
    if (check) text += describe(*check);
  }
  std::fputs(text.c_str(), stdout);
}

Result<void> burst_and_report(Context& ctx, const BurstArguments& arguments) {
  const Run run(arguments.seed);
  if (!arguments.database.empty() && !std::filesystem::exists(arguments.database))  // not after the burst and two minutes
    return sluice::fail(sluice::Code::kNotFound, "--verify: there is no " + arguments.database);
  SLUICE_TRY(auto path, ledger_path(arguments, run));
  SLUICE_TRY(BurstResult result, burst(ctx, arguments, run, path));
  Result<std::optional<LedgerCheck>> checked;
  if (!arguments.database.empty()) checked = verify(ctx, arguments, path);
  std::optional<LedgerCheck> check = checked.value_or(std::nullopt);
  print(arguments, run, path, result, check);  // also if there was nothing to compare it with
  SLUICE_TRY(checked);
  if (check && !check->agrees()) return sluice::fail(sluice::Code::kDataLoss, "ledger and database do not agree");
  if (!all_acknowledged(result)) return sluice::fail(sluice::Code::kUnavailable, "not every report was acknowledged");
  return {};
}

std::string must_be_a_window(const std::string& text) {
  auto length = sluice::schema::parse_duration(text);
  return length && *length > Duration::zero() ? std::string() : "'" + text + "' is no length of time such as 10s or 1m30s";
}

}  // namespace

void add_burst(CLI::App& app, Command& chosen) {
  auto arguments = std::make_shared<BurstArguments>();  // shared_ptr: the parser's options, and the command
  CLI::App* command = app.add_subcommand("burst", "The evening peak: many patients report within a short time");
  command->add_option("--patients", arguments->patients, "How many report, once each")
      ->required()
      ->check(CLI::Range(std::size_t{1}, kBurstPatientsMax));
  command->add_option("--within", arguments->within, "The window from which the moments are drawn: 10s")
      ->required()
      ->check(must_be_a_window);
  command->add_option("--url", arguments->url, "The server")->capture_default_str();
  command->add_option("--ledger", arguments->ledger, "The load generator's own book, a new file; else one under var/");
  command->add_flag("--json", arguments->is_json, "One line for programs");
  command->add_option("--verify", arguments->database, "Waits for the drain, then compares the ledger with this database");
  command->add_option("--seed", arguments->seed, "Repeats a run: the same ids, moments and answers");
  command->add_option("--connections", arguments->connections, "At most so many at a time")
      ->check(CLI::Range(std::size_t{1}, kConnectionsMax))
      ->capture_default_str();
  command->callback([arguments, &chosen] {
    chosen = [arguments] {
      return sluice::service::run_program(
          [arguments](Context&, Context& stop) { return burst_and_report(stop, *arguments); });
    };
  });
}

}  // namespace epro
