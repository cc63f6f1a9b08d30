// SPDX-License-Identifier: MIT
//
// The owner removes a segment only after its ids are durable in ids.log. So whoever opens all segments first and reads the
// ids afterwards misses nothing: an open file stays readable after its name is gone, and what was gone already is in
// ids.log by then. What is in both is taken from the segment.
#include <sluice/reservoir/journal_reader.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sluice/base/bytes.hpp>
#include <sluice/reservoir/internal/disk_storage.hpp>
#include <sluice/reservoir/internal/journal_file.hpp>
#include <sluice/reservoir/internal/recovery.hpp>

namespace sluice::reservoir {
namespace {

using internal::FileKind;
using internal::FrameView;
using internal::JournalFile;
using Segments = std::vector<std::unique_ptr<JournalFile>>;

// Between listing and opening lie microseconds, between two trims seconds.
constexpr int kTriesMax = 8;

/// All segments as they were at one moment; nothing if the owner changed their row meanwhile.
Result<std::optional<Segments>> open_segments(Context& ctx, internal::Storage& storage) {
  SLUICE_TRY(auto names, storage.list(ctx));
  const auto firsts = internal::firsts_of_segments(names);
  Segments segments;
  for (Position first : firsts) {
    auto segment = internal::open_journal_file(ctx, storage, internal::segment_name(first), FileKind::kSegment,
                                               File::Mode::kRead);
    if (!segment && segment.error().code() == Code::kNotFound) return std::optional<Segments>();
    if (!segment) return fail(std::move(segment).error());
    if ((*segment)->header.first != first)
      return fail((*segment)->damaged(0, "its header has another position than its name"));
    segments.push_back(std::move(*segment));
  }
  SLUICE_TRY(auto names_now, storage.list(ctx));
  if (internal::firsts_of_segments(names_now) != firsts) return std::optional<Segments>();
  return segments;
}

Result<Segments> open_segments_patiently(Context& ctx, internal::Storage& storage) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    SLUICE_TRY(auto segments, open_segments(ctx, storage));
    if (segments && segments->empty()) return fail(Code::kNotFound, "there is no journal in this folder");
    if (segments) return std::move(*segments);
  }
  return fail(Code::kAborted, "the journal's files change faster than they can be opened");
}

Entry entry_of(const FrameView& frame, const Candidate& key) {
  return {frame.head.position, frame.head.received_at, key.content, key.note};
}

class Reading {
 public:
  Reading(internal::Storage& storage, JournalVisitor& visitor) : storage_(storage), visitor_(visitor) {}

  Result<JournalSummary> run(Context& ctx) {
    SLUICE_TRY(auto segments, open_segments_patiently(ctx, storage_));
    const internal::JournalId journal = segments.front()->header.journal;
    summary_.journal_id = to_hex(journal);
    summary_.oldest = segments.front()->header.first;
    SLUICE_TRY(read_trimmed(ctx, journal));
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (segments[i]->header.journal != journal) return fail(segments[i]->damaged(0, "it belongs to another journal"));
      std::optional<Position> end;
      if (i + 1 < segments.size()) end = segments[i + 1]->header.first;
      SLUICE_TRY(auto tail, internal::read_segment(ctx, *segments[i], end,
                                                   [this](const FrameView& frame) { return record(frame); }));
      summary_.last = tail.next - 1;
      summary_.has_torn_tail = tail.torn != nullptr;
    }
    return std::move(summary_);
  }

 private:
  Result<void> read_trimmed(Context& ctx, const internal::JournalId& journal) {
    if (summary_.oldest == 1) return {};
    auto ids = internal::open_journal_file(ctx, storage_, std::string(internal::kIdsName), FileKind::kIds,
                                           File::Mode::kRead);
    if (!ids && ids.error().code() == Code::kNotFound)
      return fail(Code::kDataLoss, std::string(internal::kIdsName) + " is missing, with the ids up to position " +
                                       std::to_string(summary_.oldest - 1));
    if (!ids) return fail(std::move(ids).error());
    if ((*ids)->header.journal != journal) return fail((*ids)->damaged(0, "it belongs to another journal"));
    SLUICE_TRY(internal::read_ids(ctx, **ids, summary_.oldest - 1,
                                  [this](const FrameView& frame) { return trimmed(frame); }));
    return {};
  }

  Result<void> trimmed(const FrameView& frame) {
    for (const Candidate& key : frame.keys()) {
      ++summary_.trimmed;
      SLUICE_TRY(visitor_.trimmed(key.key, entry_of(frame, key)));
    }
    return {};
  }

  Result<void> record(const FrameView& frame) {
    ++summary_.records;
    std::vector<Entry> entries;
    for (const Candidate& key : frame.keys()) entries.push_back(entry_of(frame, key));
    return visitor_.record(frame.to_record(), entries);
  }

  internal::Storage& storage_;
  JournalVisitor& visitor_;
  JournalSummary summary_;
};

}  // namespace

Result<JournalSummary> read_journal(Context& ctx, const std::filesystem::path& folder, JournalVisitor& visitor) {
  auto storage = internal::look_into_folder(folder);
  return Reading(*storage, visitor).run(ctx);
}

}  // namespace sluice::reservoir
