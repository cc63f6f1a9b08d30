// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <sluice/base/bytes.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/file.hpp>
#include <sluice/service/program.hpp>

#include <apps/epro/commands.hpp>
#include <apps/epro/store/export_vs.hpp>
#include <apps/epro/store/store_reader.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::File;
using sluice::Result;

struct ExportOptions {
  std::string study;  // empty: the only one
  std::string data = "var";
  std::string database;  // empty: data/epro.db
  std::string to = "-";  // "-": standard output
};

/// In a function of its own, for errno's address belongs to a thread.
[[gnu::noinline]] Result<std::size_t> write_some(std::string_view text) {
  ssize_t count = sluice::blocking([&] { return ::write(STDOUT_FILENO, text.data(), text.size()); });
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EINTR) return 0;
  return sluice::fail(sluice::errno_error(errno, "standard output"));
}

Result<void> write_to_output(std::string_view text) {
  while (!text.empty()) {
    SLUICE_TRY(std::size_t count, write_some(text));
    text.remove_prefix(count);
  }
  return {};
}

/// The file appears whole or not at all: half a table looks like one.
Result<VsExport> export_to_file(Context& ctx, StoreReader& store, const std::string& study,
                                const std::filesystem::path& path) {
  std::filesystem::path unfinished = path;
  unfinished += ".part";
  VsExport done;
  {
    SLUICE_TRY(auto file, File::open(ctx, unfinished, File::Mode::kAppend));
    SLUICE_TRY(file->truncate(ctx, 0));
    SLUICE_TRY(done, export_vs(ctx, store, study,
                               [&](std::string_view text) { return file->append(ctx, sluice::as_bytes(text)); }));
    SLUICE_TRY(file->sync(ctx));
  }
  std::error_code error;
  sluice::blocking([&] { std::filesystem::rename(unfinished, path, error); });
  if (error) return sluice::fail(sluice::errno_error(error.value(), "rename " + unfinished.string()));
  return done;
}

Result<std::string> only_study(Context& ctx, StoreReader& store) {
  SLUICE_TRY(auto studies, store.studies_with_vitals(ctx));
  if (studies.size() == 1) return studies.front();
  if (studies.empty()) return sluice::fail(Code::kNotFound, "no study has vital signs yet");
  std::string names;
  for (const std::string& name : studies) names.append(names.empty() ? "" : ", ").append(name);
  return sluice::fail(Code::kInvalidArgument, "several studies have vital signs, choose one with --study: " + names);
}

Result<void> export_vital_signs(Context& ctx, const ExportOptions& options) {
  std::filesystem::path database = options.database;
  if (database.empty()) database = std::filesystem::path(options.data) / "epro.db";
  SLUICE_TRY(auto store, StoreReader::open(ctx, database));
  std::string study = options.study;
  if (study.empty()) {
    SLUICE_TRY(study, only_study(ctx, *store));
  }
  SLUICE_TRY(VsExport done, options.to == "-" ? export_vs(ctx, *store, study, write_to_output)
                                              : export_to_file(ctx, *store, study, options.to));
  // On standard error: the other one may be the table.
  std::fprintf(stderr, "%s: %llu rows of %llu subjects, as of journal position %llu\n", study.c_str(),
               static_cast<unsigned long long>(done.rows), static_cast<unsigned long long>(done.subjects),
               static_cast<unsigned long long>(done.as_of));
  return {};
}

}  // namespace

void add_export(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ExportOptions>();  // shared_ptr: the parser's options, and the command
  CLI::App* command = app.add_subcommand("export", "Writes what is stored in a format that others read");
  command->require_subcommand(1);
  CLI::App* vs = command->add_subcommand("vs", "Vital signs, as a table of SDTM's domain VS");
  vs->add_option("--csv", options->to, "A file to write to; none or - is standard output")
      ->required()->expected(0, 1)->type_name("FILE");
  vs->add_option("--study", options->study, "OID; needed if several studies have vital signs");
  vs->add_option("--data", options->data, "The server's data folder")->capture_default_str();
  vs->add_option("--db", options->database, "The database, if it is not in the data folder");
  vs->callback([options, &chosen] {
    chosen = [options] {
      if (options->to.empty()) options->to = "-";
      return sluice::service::run_program(
          [options](Context&, Context& stop) { return export_vital_signs(stop, *options); });
    };
  });
}

}  // namespace epro
