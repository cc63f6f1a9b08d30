// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <sluice/http/client.hpp>
#include <sluice/http/origin.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/schema/json_writer.hpp>
#include <sluice/service/program.hpp>

#include <apps/epro/client/progress.hpp>
#include <apps/epro/client/publish.hpp>
#include <apps/epro/client/replay.hpp>
#include <apps/epro/client/replay_report.hpp>
#include <apps/epro/client/retrying_client.hpp>
#include <apps/epro/client/vs_file.hpp>
#include <apps/epro/commands.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Result;

struct ReplayArguments {
  std::string file;
  std::string url = "http://127.0.0.1:8888";
  std::size_t batch = ReplayOptions{}.batch;
  bool is_json = false;
};

Result<ReplayResult> replay(Context& ctx, const ReplayArguments& arguments) {
  SLUICE_TRY(auto origin, sluice::http::parse_origin(arguments.url, "--url"));
  SLUICE_TRY(VsSurvey surveyed, survey(ctx, arguments.file));
  SLUICE_TRY(auto client, sluice::http::Client::open(ctx, origin, sluice::runtime_clock()));
  RetryingClient publisher(*client, sluice::runtime_clock(), kPublishOptions);
  SLUICE_TRY(publish_study(ctx, publisher, surveyed.study));
  RetryingClient sender(*client, sluice::runtime_clock(), {});
  Progress progress(ctx, "replay", surveyed.rows, sluice::runtime_clock(), Progress::terminal_is_there());
  return run_replay(ctx, sender, progress, arguments.file, {.batch = arguments.batch});
}

Result<void> replay_and_report(Context& ctx, const ReplayArguments& arguments) {
  auto result = replay(ctx, arguments);
  if (!result) return sluice::fail(std::move(result).error().with(arguments.file));
  std::string text = arguments.is_json ? sluice::schema::to_text(to_json(*result)) + "\n" : describe(*result);
  std::fputs(text.c_str(), stdout);
  if (!result->is_complete()) return sluice::fail(sluice::Code::kFailedPrecondition, "not every row was taken");
  return {};
}

}  // namespace

void add_replay(CLI::App& app, Command& chosen) {
  auto arguments = std::make_shared<ReplayArguments>();  // shared_ptr: the parser's options, and the command
  CLI::App* command = app.add_subcommand("replay", "Posts an SDTM data set of vital signs; a second time changes nothing");
  command->add_option("FILE", arguments->file, "CSV, plain or gzip")->required();
  command->add_option("--url", arguments->url, "The server")->capture_default_str();
  command->add_option("--batch", arguments->batch, "Rows of one request")
      ->check(CLI::Range(std::size_t{1}, kReplayBatchMax))
      ->capture_default_str();
  command->add_flag("--json", arguments->is_json, "One line for programs");
  command->callback([arguments, &chosen] {
    chosen = [arguments] {
      return sluice::service::run_program(
          [arguments](Context&, Context& stop) { return replay_and_report(stop, *arguments); });
    };
  });
}

}  // namespace epro
