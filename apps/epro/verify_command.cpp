// SPDX-License-Identifier: MIT
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <sluice/service/program.hpp>

#include <apps/epro/commands.hpp>
#include <apps/epro/store/verify.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Result;

void print_counters(const Verification& found) {
  auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("acknowledged = stored + quarantined + in the reservoir\n");
  std::printf("%llu = %llu + %llu + %llu\n", number(found.acknowledged), number(found.stored), number(found.quarantined),
              number(found.in_reservoir));
  if (found.set_aside > 0)
    std::printf("%llu of the quarantined could not become rows; see the table set_aside\n", number(found.set_aside));
  std::printf("compared up to journal position %llu of %llu\n", number(found.applied), number(found.last));
}

void print_disagreements(const Verification& found) {
  for (const Disagreement& each : found.first)
    std::printf("position %llu: %s\n", static_cast<unsigned long long>(each.position), each.what.c_str());
  if (found.disagreements > found.first.size())
    std::printf("… and %llu more\n", static_cast<unsigned long long>(found.disagreements - found.first.size()));
}

Result<void> verify_data(Context& ctx, const std::filesystem::path& data) {
  SLUICE_TRY(Verification found, verify(ctx, {.journal = data / "journal", .database = data / "epro.db"}));
  print_counters(found);
  print_disagreements(found);
  if (!found.agrees()) return sluice::fail(sluice::Code::kDataLoss, "journal and store do not agree");
  std::printf("verified: journal and store agree\n");
  return {};
}

}  // namespace

void add_verify(CLI::App& app, Command& chosen) {
  auto data = std::make_shared<std::string>("var");  // shared_ptr: the parser's option, and the command
  CLI::App* command = app.add_subcommand("verify", "Compares journal and store; a server may be running");
  command->add_option("--data", *data, "The server's data folder")->capture_default_str();
  command->callback([data, &chosen] {
    chosen = [data] {
      return sluice::service::run_program([data](Context&, Context& stop) { return verify_data(stop, *data); });
    };
  });
}

}  // namespace epro
