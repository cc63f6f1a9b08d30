// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sluice/base/digest.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/file.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/runtime/wait_group.hpp>

#include <apps/epro/record/uuid.hpp>

namespace epro {

/// Whose reports a ledger is about: a server's store has those of other runs too.
struct LedgerRun {
  std::string study;
  std::string device_prefix;  ///< the device ids of this run, and no others, begin with it

  friend bool operator==(const LedgerRun&, const LedgerRun&) = default;
};

/// What is about to be sent.
struct Intent {
  Uuid submission_id;
  sluice::Sha256 payload_sha256;
};

/// What a server is asked to prove, it cannot write down itself. So the load generator keeps its own book, on stable
/// storage: what it will send before it does, what it was answered before it counts. Then, whoever is killed, the two can
/// be compared (ledger_check.hpp).
///
///   SLUICE_TRY(auto ledger, Ledger::create(ctx, path, run));
///   SLUICE_TRY(ledger->intend(ctx, intents));
///   SLUICE_TRY(ledger->answer(ctx, id, 202, receipt_id));      // by thousands of fibers: they share the flushes
///
/// Lines of text, appended only:
///   # for a comment
///   run STUDY DEVICE-PREFIX
///   intent SUBMISSION-ID SHA256-OF-THE-PAYLOAD
///   answer SUBMISSION-ID HTTP-STATUS RECEIPT-ID          "-" for an answer without a receipt
/// A report with an intent and no answer may or may not have arrived. A last line without a line end was being written
/// when the process died, and says nothing.
/// Threads: any number of fibers. Lifetime: nobody waits in answer() at the end.
class Ledger {
 public:
  /// A new file. kAlreadyExists: a ledger is about one run. Requires: `run`'s texts have no blanks.
  static sluice::Result<std::unique_ptr<Ledger>> create(sluice::Context& ctx, const std::filesystem::path& path,
                                                        const LedgerRun& run);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Parks until all of them are on stable storage, with one flush. Requires: before the first answer().
  sluice::Result<void> intend(sluice::Context& ctx, const std::vector<Intent>& intents);
  /// Parks until it is on stable storage. `receipt_id` is empty for a refusal. After an error of the file every later call
  /// fails: nobody knows what is in it.
  sluice::Result<void> answer(sluice::Context& ctx, const Uuid& submission_id, int status, std::string_view receipt_id);

 private:
  struct Line {
    std::string text;
    sluice::Result<void>* written = nullptr;  // on the stack of who waits for `pending`
    sluice::WaitGroup* pending = nullptr;
  };

  explicit Ledger(std::unique_ptr<sluice::File> file);
  sluice::Result<void> append(sluice::Context& ctx, std::string_view text);
  void write_lines(sluice::Context& ctx);

  const std::unique_ptr<sluice::File> file_;
  sluice::Chan<Line> lines_;
  // Of its own: whoever has put a line in waits for it, whatever else has ended.
  sluice::Context writer_context_;
  sluice::TaskGroup writer_;
};

/// One report's page in the book.
struct LedgerEntry {
  sluice::Sha256 payload_sha256{};
  int status = 0;          ///< 0: not answered, as far as we know
  std::string receipt_id;  ///< empty: acknowledged it was not
};

/// A ledger, read.
struct LedgerContent {
  LedgerRun run;
  std::unordered_map<Uuid, LedgerEntry> entries;
  bool is_torn = false;  ///< its last line was cut off, and ignored
};

/// kDataLoss names the line that is none, or does not fit to those before it.
[[nodiscard]] sluice::Result<LedgerContent> read_ledger(sluice::Context& ctx, const std::filesystem::path& path);

}  // namespace epro
