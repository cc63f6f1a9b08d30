// SPDX-License-Identifier: MIT
//
// What is here only ties the pieces together; each is in its own file under internal/:
//   id_index       who is new: keys known and keys taken, in memory
//   group_commit   one fiber that writes for all
//   journal        the files; recovery: what a start makes of them; id_log: the keys of files that are gone
//   backlog        what was not drained yet; drain_rate: how long that will take
#include <sluice/reservoir/reservoir.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/internal/backlog.hpp>
#include <sluice/reservoir/internal/disk_storage.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/group_commit.hpp>
#include <sluice/reservoir/internal/id_index.hpp>
#include <sluice/reservoir/internal/journal.hpp>

namespace sluice::reservoir {
namespace {

constexpr const char* kFull = "reservoir-full";
constexpr const char* kNotWritable = "not-writable";
constexpr const char* kTooLarge = "too-large";

// What a frame needs beside its payload: the keys and notes of a large batch, many times over.
constexpr std::size_t kFrameReserveBytes = std::size_t{16} << 20;

Result<void> check(const ReservoirOptions& options) {
  if (options.record_bytes_max > internal::kFrameBytesMax - kFrameReserveBytes)
    return fail(Error(Code::kInvalidArgument, "at most " + std::to_string(internal::kFrameBytesMax - kFrameReserveBytes))
                    .at("record_bytes_max"));
  if (options.segment_bytes < internal::kFileHeaderBytes) return fail(Error(Code::kInvalidArgument).at("segment_bytes"));
  if (options.pending_bytes_max == 0) return fail(Error(Code::kInvalidArgument).at("pending_bytes_max"));
  return {};
}

Result<void> check(std::span<const Candidate> candidates) {
  if (candidates.size() > internal::kKeysMax)
    return fail(Error(Code::kInvalidArgument, "too many keys at once").because(kTooLarge));
  for (const Candidate& candidate : candidates)
    if (candidate.note.size() > internal::kNoteBytesMax)
      return fail(Error(Code::kInvalidArgument, "a note is too long").because(kTooLarge));
  return {};
}

std::uint64_t random_word(internal::Storage& storage) {
  std::uint64_t word = 0;
  storage.fill_random(std::as_writable_bytes(std::span(&word, 1)));
  return word;
}

std::array<std::byte, 16> first_half(const Sha256& digest) noexcept {
  std::array<std::byte, 16> half;
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

}  // namespace

Key key_of(std::initializer_list<std::string_view> names) {
  std::string text;
  for (std::string_view name : names) {
    std::array<std::byte, 8> length;
    store_little(length.data(), std::uint64_t{name.size()});
    text.append(as_text(length)).append(name);
  }
  return first_half(sha256(as_bytes(text)));
}

Fingerprint fingerprint_of(const Record& record) {
  // The payload by its hash: it may be large, and is not copied.
  const Sha256 payload = sha256(as_bytes(record.payload));
  const std::size_t key_bytes = record.keys.size() * sizeof(Key);
  std::vector<std::byte> text(8 + 8 + 1 + key_bytes + payload.size());
  std::byte* to = text.data();
  store_little(to, record.position);
  store_little(to + 8, static_cast<std::uint64_t>(record.received_at.time_since_epoch().count()));
  to[16] = std::byte{record.type};
  to += 17;
  for (const Key& key : record.keys) to = std::ranges::copy(key, to).out;
  std::ranges::copy(payload, to);
  return first_half(sha256(text));
}

// ---- claims ----

/// What a claim holds: the keys that are neither known nor given back yet.
struct Reservoir::Claim::Held {
  internal::IdIndex& index;
  std::vector<Answer> answers;
  std::vector<Candidate> taken = {};

  Held(internal::IdIndex& from, std::vector<Answer> about) : index(from), answers(std::move(about)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    for (const Candidate& candidate : taken) index.give_back(candidate.key);
  }

  void settle(Position position, WallTime received_at) {
    for (Candidate& candidate : taken)
      index.settle(candidate.key, {position, received_at, candidate.content, std::move(candidate.note)});
    taken.clear();
  }
};

Reservoir::Claim::Claim(std::unique_ptr<Held> held) noexcept : held_(std::move(held)) {}
Reservoir::Claim::Claim(Claim&&) noexcept = default;
Reservoir::Claim& Reservoir::Claim::operator=(Claim&&) noexcept = default;
Reservoir::Claim::~Claim() = default;

std::span<const Reservoir::Answer> Reservoir::Claim::answers() const noexcept {
  SLUICE_ASSERT(held_ != nullptr, "a claim that was moved from has no answers");
  return held_->answers;
}

bool Reservoir::Claim::has_new() const noexcept { return held_ != nullptr && !held_->taken.empty(); }

// ---- the parts ----

class Reservoir::Work {
 public:
  Work(std::unique_ptr<internal::Storage> storage, ReservoirOptions options, Parts parts)
      : options_(std::move(options)),
        parts_(parts),
        refused_total_(parts.metrics.counter_family("reservoir_refused_total", "Records that were not accepted.",
                                                    {"reason"})),
        storage_(std::move(storage)),
        index_(random_word(*storage_)),
        backlog_(parts.clock, parts.metrics) {}

  Result<void> open(Context& ctx) {
    SLUICE_TRY(journal_, internal::Journal::open(ctx, *storage_, options_.segment_bytes, backlog_,
                                                 [this](const internal::FrameView& frame) { return learn(frame); }));
    journal_id_ = to_hex(journal_->id());
    report_torn_tail();
    commit_.emplace(*journal_, options_.pending_bytes_max, parts_);
    return commit_->start();
  }

  WallTime stamp() noexcept {
    const WallTime now = parts_.clock.wall_now();
    WallTime latest = latest_stamp_.load(std::memory_order_relaxed);  // relaxed, here and below: see latest_stamp_
    while (latest < now && !latest_stamp_.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {}
    return std::max(latest, now);
  }

  Result<Claim> claim(Context& ctx, std::span<const Candidate> candidates) {
    SLUICE_TRY(check(candidates));
    SLUICE_TRY(auto answers, index_.take(ctx, candidates));
    Claim claim(std::make_unique<Claim::Held>(index_, std::move(answers)));
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (claim.held_->answers[i].standing == Standing::kNew) claim.held_->taken.push_back(candidates[i]);
    if (claim.has_new()) SLUICE_TRY(counted(writable()));
    return claim;
  }

  Result<Position> append(Context& ctx, Claim& claim, const internal::RecordView& rest) {
    SLUICE_ASSERT(claim.has_new(), "what is appended was claimed");
    internal::RecordView record = rest;
    record.keys = claim.held_->taken;
    if (record.payload.size() > options_.record_bytes_max ||
        internal::frame_bytes(record.keys, record.payload.size()) > internal::kFrameBytesMax)
      return fail(Error(Code::kInvalidArgument, "more than " + std::to_string(options_.record_bytes_max) + " bytes")
                      .because(kTooLarge));
    auto position = commit_->append(ctx, record);
    if (position) claim.held_->settle(*position, record.received_at);
    return counted(std::move(position));
  }

  [[nodiscard]] Result<void> writable() const {
    if (!journal_->is_writable()) return fail(internal::GroupCommit::not_writable());
    if (backlog_.bytes() + commit_->pending_bytes() >= options_.bytes_max)
      return fail(Error(Code::kResourceExhausted, "the reservoir is full").because(kFull));
    return {};
  }

  Result<void> close() {
    auto ended = commit_->close();
    storage_->release();
    return ended;
  }

  internal::IdIndex& index() noexcept { return index_; }
  internal::Journal& journal() noexcept { return *journal_; }
  internal::Backlog& backlog() noexcept { return backlog_; }
  [[nodiscard]] const std::string& journal_id() const noexcept { return journal_id_; }

 private:
  Result<void> learn(const internal::FrameView& frame) {
    for (Candidate& key : frame.keys())
      index_.add(key.key, {frame.head.position, frame.head.received_at, key.content, std::move(key.note)});
    // relaxed: see latest_stamp_; nobody else is here yet
    if (frame.head.received_at > latest_stamp_.load(std::memory_order_relaxed))
      latest_stamp_.store(frame.head.received_at, std::memory_order_relaxed);
    return {};
  }

  void report_torn_tail() {
    auto& torn_tails_total = parts_.metrics.counter("reservoir_torn_tails_total", "Unfinished writes cut at a start.");
    const auto& torn = journal_->torn_tail();
    if (!torn) return;
    torn_tails_total.add();
    // Whether it was acknowledged the journal cannot know: an honest disk says no, and the store is asked (Drain).
    parts_.log.error("journal: cut an unfinished write at its end",
                     {{"file", torn->file}, {"offset", torn->offset}, {"flaw", torn->flaw}});
  }

  template <class T>
  Result<T> counted(Result<T> result) {
    if (!result && (result.error().reason() == kFull || result.error().reason() == kNotWritable))
      refused_total_.with({result.error().reason()}).add();
    return result;
  }

  const ReservoirOptions options_;
  const Parts parts_;
  observe::CounterFamily& refused_total_;
  const std::unique_ptr<internal::Storage> storage_;
  internal::IdIndex index_;
  internal::Backlog backlog_;
  std::unique_ptr<internal::Journal> journal_;
  std::string journal_id_;
  std::atomic<WallTime> latest_stamp_{WallTime::min()};  // written by stamp; a number by itself, publishes nothing
  std::optional<internal::GroupCommit> commit_;          // last: its fiber uses the rest
};

// ---- the face ----

Result<std::unique_ptr<Reservoir>> Reservoir::open(Context& ctx, ReservoirOptions options, Parts parts) {
  SLUICE_TRY(auto storage, internal::own_folder(ctx, options.folder));
  return open_in(ctx, std::move(storage), std::move(options), parts);
}

Result<std::unique_ptr<Reservoir>> Reservoir::open_in(Context& ctx, std::unique_ptr<internal::Storage> storage,
                                                      ReservoirOptions options, Parts parts) {
  SLUICE_TRY(check(options));
  auto work = std::make_unique<Work>(std::move(storage), std::move(options), parts);
  SLUICE_TRY(work->open(ctx));
  return std::unique_ptr<Reservoir>(new Reservoir(std::move(work)));
}

Reservoir::Reservoir(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Reservoir::~Reservoir() = default;

WallTime Reservoir::stamp() noexcept { return work_->stamp(); }

Result<Reservoir::Claim> Reservoir::claim(Context& ctx, std::span<const Candidate> candidates) {
  return work_->claim(ctx, candidates);
}

Result<Position> Reservoir::append(Context& ctx, Claim claim, std::uint8_t type, WallTime received_at,
                                   std::string_view payload) {
  return work_->append(ctx, claim, {.received_at = received_at, .type = type, .payload = payload});
}

std::optional<Entry> Reservoir::find(const Key& key) { return work_->index().find(key); }

Result<std::vector<Record>> Reservoir::read(Context& ctx, Position after, std::size_t records_max,
                                            std::size_t bytes_max) {
  return work_->journal().read(ctx, after, records_max, bytes_max);
}

Result<void> Reservoir::trim(Context& ctx, Position position) { return work_->journal().trim(ctx, position); }

Position Reservoir::durable() const noexcept { return work_->journal().durable(); }
Position Reservoir::drained() const noexcept { return work_->backlog().drained(); }
Position Reservoir::oldest() const noexcept { return work_->journal().oldest(); }
const std::string& Reservoir::journal_id() const noexcept { return work_->journal_id(); }
Result<void> Reservoir::writable() const { return work_->writable(); }
Duration Reservoir::retry_after() const { return work_->backlog().time_to_drain(); }
Result<void> Reservoir::close(Context&) { return work_->close(); }  // does not follow ctx: what is begun must end

}  // namespace sluice::reservoir
