// SPDX-License-Identifier: MIT
//
// One fiber reads and makes batches, some fibers post them; between them a channel that holds one, so that reading stays
// one batch ahead and no more.
#include <apps/epro/client/replay.hpp>

#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/status.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/task_group.hpp>

#include <apps/epro/client/vs_file.hpp>
#include <apps/epro/record/uuid.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Error;
using sluice::Result;
namespace status = sluice::http::status;

// Below the 4 MiB that a server takes, with room for a last large item (a cell has at most 64 KiB, a row some of them).
constexpr std::size_t kBatchBytes = std::size_t{3} * 1024 * 1024;

struct Batch {
  std::string study;
  std::uint64_t first_row = 0;
  std::uint64_t last_row = 0;
  std::size_t count = 0;
  std::string items;  // canonical texts with commas between them
};

void append(Batch& batch, const VsLine& line, const VitalsItem& item) {
  if (batch.count++ == 0) {
    batch.study = line.row->study;
    batch.first_row = line.number;
  } else {
    batch.items += ',';
  }
  batch.last_row = line.number;
  batch.items += item.canonical;
}

// Equal batches have equal ids.
std::string body_of(const Batch& batch) {
  std::string digest = sluice::to_hex(sluice::sha256(sluice::as_bytes(batch.items)));
  std::string body = R"({"batchId":")" + derive_uuid({"vs-batch", batch.study, digest}).text();
  return body.append(R"(","items":[)").append(batch.items).append("]}");
}

std::string place_of(const Batch& batch) {
  return "rows " + std::to_string(batch.first_row) + " to " + std::to_string(batch.last_row);
}

class Replay {
 public:
  Replay(RetryingClient& sender, Progress& progress, const ReplayOptions& options)
      : sender_(sender), progress_(progress), options_(options) {}

  Result<ReplayResult> go(Context& ctx, const std::filesystem::path& path) {
    SLUICE_TRY(VsFile file, VsFile::open(ctx, path));
    sluice::TaskGroup group(ctx);
    for (std::size_t i = 0; i < options_.in_flight; ++i) group.go([this](Context& own) { return post_all(own); });
    auto read = read_all(group.context(), file);
    batches_.close();
    SLUICE_TRY(group.wait());
    SLUICE_TRY(read);
    return std::move(result_);
  }

 private:
  Result<void> read_all(Context& ctx, VsFile& file) {
    Batch batch;
    for (;;) {
      SLUICE_TRY(auto line, file.next(ctx));
      if (!line) break;
      add(batch, *line);
      if (batch.count < options_.batch && batch.items.size() < kBatchBytes) continue;
      SLUICE_TRY(batches_.send(ctx, std::exchange(batch, {})));
    }
    if (batch.count > 0) SLUICE_TRY(batches_.send(ctx, std::move(batch)));
    return {};
  }

  void add(Batch& batch, const VsLine& line) {
    auto item = line.row ? item_of(*line.row, patient_id_of(line.row->study, line.row->subject))
                         : sluice::fail(Error(line.row.error()));
    if (item) return append(batch, line, *item);
    std::lock_guard hold(mutex_);
    ++result_.items.invalid;
    complain("row " + std::to_string(line.number) + ": " + std::string(item.error().detail()));
    progress_.advance();
  }

  Result<void> post_all(Context& ctx) {
    for (;;) {
      SLUICE_TRY(auto batch, batches_.recv(ctx));
      if (!batch) return {};
      SLUICE_TRY(post(ctx, *batch));
      progress_.advance(batch->count);
    }
  }

  Result<void> post(Context& ctx, const Batch& batch) {
    sluice::http::Request request("POST", "/v1/studies/" + batch.study + "/vitals:batch", body_of(batch));
    request.headers().add("content-type", "application/json");
    Outcome outcome = sender_.send(ctx, request);
    if (!outcome.answer) return sluice::fail(std::move(outcome.answer).error().with(place_of(batch)));
    ItemCounts counts;
    bool is_taken = outcome.answer->status == status::kOk;
    if (is_taken) {
      SLUICE_TRY(counts, read_item_counts(outcome.answer->body, batch.count));
    }
    std::lock_guard hold(mutex_);
    result_.retries += outcome.retries;
    result_.items += counts;
    if (is_taken && counts.conflict + counts.invalid == 0) return {};
    if (!is_taken) result_.refused += batch.count;
    complain(place_of(batch) + ": " + (is_taken ? "some are in conflict or invalid" : describe_refusal(*outcome.answer)));
    return {};
  }

  // Requires: mutex_ is held.
  void complain(std::string complaint) {
    if (result_.complaints.size() < kComplaintsMax) result_.complaints.push_back(std::move(complaint));
  }

  RetryingClient& sender_;
  Progress& progress_;
  const ReplayOptions options_;
  sluice::Chan<Batch> batches_{1};
  sluice::Mutex mutex_{sluice::LockRank::kProgram};
  ReplayResult result_;  // guarded by mutex_ while the fibers run
};

}  // namespace

std::uint64_t ReplayResult::rows() const noexcept {
  return items.created + items.duplicate + items.conflict + items.invalid + items.quarantined + refused;
}

bool ReplayResult::is_complete() const noexcept { return items.conflict == 0 && items.invalid == 0 && refused == 0; }

Result<ReplayResult> run_replay(Context& ctx, RetryingClient& sender, Progress& progress,
                                const std::filesystem::path& path, const ReplayOptions& options) {
  SLUICE_ASSERT(options.batch > 0 && options.batch <= kReplayBatchMax && options.in_flight > 0, "limits of the options");
  return Replay(sender, progress, options).go(ctx, path);
}

}  // namespace epro
