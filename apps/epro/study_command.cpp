// SPDX-License-Identifier: MIT
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include <sluice/http/client.hpp>
#include <sluice/http/origin.hpp>
#include <sluice/runtime/file.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/service/program.hpp>

#include <apps/epro/client/publish.hpp>
#include <apps/epro/client/retrying_client.hpp>
#include <apps/epro/commands.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Result;

struct ApplyOptions {
  std::string file;
  std::string url = "http://127.0.0.1:8888";
};

// What a server takes (intake/api.hpp); a larger file is none that somebody wrote.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{16} << 20;

Result<std::string> read_text(Context& ctx, const std::filesystem::path& path) {
  SLUICE_TRY(auto file, sluice::File::open(ctx, path, sluice::File::Mode::kRead));
  SLUICE_TRY(std::uint64_t size, file->size(ctx));
  if (size > kFileBytesMax) return sluice::fail(sluice::Code::kInvalidArgument, "the file is too large");
  std::string text(static_cast<std::size_t>(size), '\0');
  SLUICE_TRY(std::size_t count, file->read_at(ctx, 0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

void print_revision(const Study& study, const PublishedRevision& published) {
  auto revision = static_cast<unsigned long long>(published.revision);
  if (published.changes.empty()) {
    std::printf("%s: no change, revision %llu\n", study.oid.c_str(), revision);
    return;
  }
  std::printf("%s: revision %llu\n", study.oid.c_str(), revision);
  for (const std::string& change : published.changes) std::printf("  %s\n", change.c_str());
}

Result<void> apply(Context& ctx, const ApplyOptions& options) {
  SLUICE_TRY(std::string text, read_text(ctx, options.file));
  auto study = parse_study_yaml(text);
  if (!study) return sluice::fail(std::move(study).error().with(options.file));
  SLUICE_TRY(auto origin, sluice::http::parse_origin(options.url, "--url"));
  SLUICE_TRY(auto client, sluice::http::Client::open(ctx, origin, sluice::runtime_clock()));
  RetryingClient sender(*client, sluice::runtime_clock(), kPublishOptions);
  SLUICE_TRY(auto published, publish_study(ctx, sender, *study));
  print_revision(*study, published);
  return {};
}

}  // namespace

void add_study(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ApplyOptions>();  // shared_ptr: the parser's options, and the command
  CLI::App* command = app.add_subcommand("study", "Says what a study is");
  command->require_subcommand(1);
  CLI::App* applied = command->add_subcommand("apply", "Publishes a study's file; a second time changes nothing");
  applied->add_option("FILE", options->file, "The study (YAML)")->required();
  applied->add_option("--url", options->url, "The server")->capture_default_str();
  applied->callback([options, &chosen] {
    chosen = [options] {
      return sluice::service::run_program([options](Context&, Context& stop) { return apply(stop, *options); });
    };
  });
}

}  // namespace epro
