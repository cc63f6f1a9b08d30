// SPDX-License-Identifier: MIT
#include <apps/epro/client/ledger.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Error;
using sluice::fail;
using sluice::Result;

constexpr std::string_view kHead =
    "# epro ledger, version 1: what one run of a load generator meant to send, and what it was answered.\n"
    "# run STUDY DEVICE-PREFIX | intent SUBMISSION-ID PAYLOAD-SHA256 | answer SUBMISSION-ID STATUS RECEIPT-ID\n"
    "# A last line without a line end was being written when the process died: it says nothing.\n";
constexpr std::string_view kNoReceipt = "-";

// Lines that may wait for the next flush: more than answers come in while one lasts.
constexpr std::size_t kQueue = 8192;
// Lines of one flush, so that those of the first are not kept waiting by those of the last.
constexpr std::size_t kBatchMax = 4096;
constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

struct Words {
  std::array<std::string_view, 4> word;
  std::size_t count = 0;
};

// A line's words; a count of 0 for more than there are in any.
Words split(std::string_view line) {
  Words words;
  for (std::size_t begin = 0; begin <= line.size();) {
    std::size_t end = std::min(line.find(' ', begin), line.size());
    if (words.count == words.word.size()) return {};
    words.word[words.count++] = line.substr(begin, end - begin);
    begin = end + 1;
  }
  return words;
}

std::optional<sluice::Sha256> parse_sha256(std::string_view hex) {
  sluice::Sha256 digest;
  auto bytes = sluice::from_hex(hex);
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

// Reads lines into a LedgerContent; false for one that is none.
class Reader {
 public:
  bool take(std::string_view line) {
    if (line.starts_with('#')) return true;
    Words words = split(line);
    if (words.count == 3 && words.word[0] == "run") return take_run(words);
    if (words.count == 3 && words.word[0] == "intent") return take_intent(words);
    if (words.count == 4 && words.word[0] == "answer") return take_answer(words);
    return false;
  }

  LedgerContent content;

 private:
  bool take_run(const Words& words) {
    if (!content.run.study.empty()) return false;
    content.run = {std::string(words.word[1]), std::string(words.word[2])};
    return !content.run.study.empty() && !content.run.device_prefix.empty();
  }

  bool take_intent(const Words& words) {
    auto id = parse_uuid(words.word[1]);
    auto digest = parse_sha256(words.word[2]);
    return id && digest && content.entries.try_emplace(*id, LedgerEntry{*digest, 0, {}}).second;
  }

  bool take_answer(const Words& words) {
    auto id = parse_uuid(words.word[1]);
    if (!id) return false;
    auto entry = content.entries.find(*id);
    if (entry == content.entries.end() || entry->second.status != 0) return false;
    std::string_view status = words.word[2];
    auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), entry->second.status);
    if (error != std::errc() || end != status.data() + status.size() || entry->second.status <= 0) return false;
    if (words.word[3] != kNoReceipt) entry->second.receipt_id = words.word[3];
    return !words.word[3].empty();
  }
};

std::unexpected<Error> malformed(std::uint64_t line) {
  return fail(Error(Code::kDataLoss, "line " + std::to_string(line) + " is not one of a ledger").because("bad-ledger"));
}

}  // namespace

Ledger::Ledger(std::unique_ptr<sluice::File> file)
    : file_(std::move(file)), lines_(kQueue), writer_(writer_context_) {
  writer_.go([this](Context& ctx) { write_lines(ctx); });
}

Result<std::unique_ptr<Ledger>> Ledger::create(Context& ctx, const std::filesystem::path& path, const LedgerRun& run) {
  SLUICE_ASSERT(!run.study.contains(' ') && !run.device_prefix.contains(' '), "words of a line");
  SLUICE_TRY(auto file, sluice::File::open(ctx, path, sluice::File::Mode::kCreate));
  SLUICE_TRY(sluice::File::sync_folder(ctx, path.has_parent_path() ? path.parent_path() : "."));
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(file)));
  SLUICE_TRY(ledger->append(ctx, std::string(kHead) + "run " + run.study + " " + run.device_prefix + "\n"));
  return ledger;
}

Result<void> Ledger::intend(Context& ctx, const std::vector<Intent>& intents) {
  std::string text;
  for (const Intent& intent : intents) {
    text.append("intent ").append(intent.submission_id.text());
    text.append(" ").append(sluice::to_hex(intent.payload_sha256)).append("\n");
  }
  return append(ctx, text);
}

Result<void> Ledger::answer(Context& ctx, const Uuid& submission_id, int status, std::string_view receipt_id) {
  std::string text = "answer " + submission_id.text() + " " + std::to_string(status) + " ";
  text.append(receipt_id.empty() ? kNoReceipt : receipt_id).append("\n");
  return append(ctx, text);
}

Result<void> Ledger::append(Context& ctx, std::string_view text) {
  SLUICE_TRY(writer_.context().check());  // there was no stack for the writer
  Result<void> written;
  sluice::WaitGroup pending;
  pending.add();
  SLUICE_TRY(lines_.send(ctx, Line{std::string(text), &written, &pending}));
  // The writer writes into our frame, so we leave only when it has, whatever becomes of ctx.
  Context patient;
  SLUICE_TRY(pending.wait(patient));
  return written;
}

void Ledger::write_lines(Context& ctx) {
  Result<void> state;  // an error stays
  std::vector<Line> batch;
  std::string text;
  for (;;) {
    auto first = lines_.recv(ctx);
    if (!first) return;
    batch.clear();
    text.clear();
    for (std::optional<Line> line = std::move(*first); line; line = lines_.try_recv()) {
      text += line->text;
      batch.push_back(std::move(*line));
      if (batch.size() == kBatchMax) break;
    }
    if (state) state = file_->append(ctx, sluice::as_bytes(text));
    if (state) state = file_->sync(ctx);
    for (Line& line : batch) {
      *line.written = state;
      line.pending->done();
    }
  }
}

Result<LedgerContent> read_ledger(Context& ctx, const std::filesystem::path& path) {
  SLUICE_TRY(auto file, sluice::File::open(ctx, path, sluice::File::Mode::kRead));
  Reader reader;
  std::vector<std::byte> piece(kReadBytes);
  std::string rest;  // the line that the pieces so far have begun
  std::uint64_t line = 1;
  for (std::uint64_t offset = 0;;) {
    SLUICE_TRY(std::size_t count, file->read_at(ctx, offset, piece));
    if (count == 0) break;
    offset += count;
    rest.append(sluice::as_text(std::span(piece).first(count)));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != rest.npos; begin = end + 1, ++line)
      if (!reader.take(std::string_view(rest).substr(begin, end - begin))) return malformed(line);
    rest.erase(0, begin);
  }
  reader.content.is_torn = !rest.empty();
  if (reader.content.run.study.empty()) return malformed(line);  // who dies before the first flush has sent nothing
  return std::move(reader.content);
}

}  // namespace epro
