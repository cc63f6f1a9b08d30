// SPDX-License-Identifier: MIT
// A merge of two sequences in the order of the journal: the keys that the journal visits, and the store's rows, read page
// by page. Within one position, the keys of a batch, both are gathered and compared as sets.
#include <apps/epro/store/verify.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/reservoir/journal_reader.hpp>

#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/receipt.hpp>

#include <apps/epro/store/store_reader.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Result;
using sluice::reservoir::Entry;
using sluice::reservoir::JournalSummary;
using sluice::reservoir::JournalVisitor;
using sluice::reservoir::Key;
using sluice::reservoir::Position;
using sluice::reservoir::Record;

/// Rows of one page: some hundred bytes each, and a batch has a thousand.
constexpr std::size_t kPageRows = 1000;

/// The store's rows one position after the other.
class RowsByPosition {
 public:
  /// `store` is null if there is none.
  RowsByPosition(StoreReader* store, Position last) : store_(store), last_(last) {}

  /// The next position that has rows; nothing at the end.
  Result<std::optional<Position>> peek(Context& ctx) {
    if (page_.empty()) SLUICE_TRY(turn_page(ctx));
    return page_.empty() ? std::nullopt : std::optional(page_.front().position);
  }
  /// All rows of that position. Requires: peek() gave it.
  Result<std::vector<StoredRow>> take(Context& ctx, Position position) {
    std::vector<StoredRow> rows;
    for (;;) {
      while (!page_.empty() && page_.front().position == position) {
        rows.push_back(std::move(page_.front()));
        page_.pop_front();
      }
      if (!page_.empty() || is_at_end_) return rows;
      SLUICE_TRY(turn_page(ctx));
    }
  }

 private:
  Result<void> turn_page(Context& ctx) {
    if (store_ == nullptr || is_at_end_) return {};
    SLUICE_TRY(auto rows, store_->rows(ctx, after_, after_ordinal_, last_, kPageRows));
    is_at_end_ = rows.empty();
    if (is_at_end_) return {};
    after_ = rows.back().position;
    after_ordinal_ = rows.back().ordinal;
    page_.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    return {};
  }

  StoreReader* const store_;
  const Position last_;
  Position after_ = 0;
  std::uint64_t after_ordinal_ = 0;
  std::deque<StoredRow> page_;
  bool is_at_end_ = false;
};

/// What the journal knows of one key.
struct Acknowledged {
  Key key;
  sluice::Sha256 content;
  bool is_submission = true;  ///< false: a publication
};

class Comparison final : public JournalVisitor {
 public:
  Comparison(Context& ctx, StoreReader* store, Position applied) : ctx_(ctx), rows_(store, applied) {
    result_.applied = applied;
  }

  Result<void> trimmed(const Key& key, const Entry& entry) override {
    // A publication has no note.
    return see(entry.position, {key, entry.content, !entry.note.empty()});
  }
  Result<void> record(const Record& record, std::span<const Entry> entries) override {
    const bool is_submission = static_cast<EntryType>(record.type) != EntryType::kStudy;
    for (std::size_t i = 0; i < record.keys.size() && i < entries.size(); ++i)
      SLUICE_TRY(see(record.position, {record.keys[i], entries[i].content, is_submission}));
    return {};
  }
  /// After the last key.
  Result<Verification> finish(const JournalSummary& summary) {
    SLUICE_TRY(settle());
    SLUICE_TRY(skip_rows_before(result_.applied + 1));
    result_.last = summary.last;
    if (summary.last < result_.applied)
      report(result_.applied, "the store is ahead of the journal, whose last position is " + std::to_string(summary.last));
    return std::move(result_);
  }
  void report(Position position, std::string what) {
    ++result_.disagreements;
    if (result_.first.size() < kDisagreementsShown) result_.first.push_back({position, std::move(what)});
  }

 private:
  Result<void> see(Position position, const Acknowledged& acknowledged) {
    if (position > result_.applied) {
      if (acknowledged.is_submission) ++result_.acknowledged, ++result_.in_reservoir;
      return {};
    }
    if (position != position_) SLUICE_TRY(settle());
    position_ = position;
    gathered_.push_back(acknowledged);
    return {};
  }
  Result<void> settle();
  Result<void> skip_rows_before(Position position);
  void compare(const Acknowledged& acknowledged, const StoredRow& row);
  void count(const Acknowledged& acknowledged, const StoredRow* row);

  Context& ctx_;
  RowsByPosition rows_;
  Position position_ = 0;               // of what is gathered
  std::vector<Acknowledged> gathered_;  // the keys of one position
  Verification result_;
};

std::string name_of(const Key& key) { return "key " + sluice::to_hex(key) + ": "; }

/// Compares what was gathered with the store's rows of that position.
Result<void> Comparison::settle() {
  if (gathered_.empty()) return {};
  SLUICE_TRY(skip_rows_before(position_));
  std::vector<StoredRow> rows;
  SLUICE_TRY(auto next, rows_.peek(ctx_));
  if (next == position_) {
    SLUICE_TRY(rows, rows_.take(ctx_, position_));
  }
  std::ranges::sort(rows, {}, &StoredRow::key);
  std::ranges::sort(gathered_, {}, &Acknowledged::key);
  auto row = rows.begin();
  for (const Acknowledged& acknowledged : gathered_) {
    for (; row != rows.end() && row->key < acknowledged.key; ++row)
      report(position_, name_of(row->key) + "in the store, but never acknowledged");
    const bool is_there = row != rows.end() && row->key == acknowledged.key;
    count(acknowledged, is_there ? &*row : nullptr);
    if (!is_there) {
      report(position_, name_of(acknowledged.key) + "acknowledged, but not in the store");
      continue;
    }
    compare(acknowledged, *row++);
  }
  for (; row != rows.end(); ++row) report(position_, name_of(row->key) + "in the store, but never acknowledged");
  gathered_.clear();
  return {};
}

/// Rows of positions that the journal has passed without naming them.
Result<void> Comparison::skip_rows_before(Position position) {
  for (;;) {
    SLUICE_TRY(auto next, rows_.peek(ctx_));
    if (!next || *next >= position) return {};
    SLUICE_TRY(auto rows, rows_.take(ctx_, *next));
    for (const StoredRow& row : rows) report(*next, name_of(row.key) + "in the store, but never acknowledged");
  }
}

void Comparison::compare(const Acknowledged& acknowledged, const StoredRow& row) {
  if (!row.is_intact) report(row.position, name_of(row.key) + "the stored payload has another hash than the one beside it");
  if (row.content && *row.content != acknowledged.content)
    report(row.position, name_of(row.key) + "the store has another content than was acknowledged");
  if (!row.receipt_id.empty() && row.receipt_id != receipt_id_of(acknowledged.key, acknowledged.content))
    report(row.position, name_of(row.key) + "the store has another receipt than was given");
}

void Comparison::count(const Acknowledged& acknowledged, const StoredRow* row) {
  // The same report twice in the journal was acknowledged once.
  if (!acknowledged.is_submission || (row != nullptr && row->kind == RowKind::kRepeated)) return;
  ++result_.acknowledged;
  if (row == nullptr) return;
  if (row->kind == RowKind::kAccepted) ++result_.stored;
  if (row->kind == RowKind::kQuarantined || row->kind == RowKind::kSetAside) ++result_.quarantined;
  if (row->kind == RowKind::kSetAside) ++result_.set_aside;
}

}  // namespace

Result<Verification> verify(Context& ctx, const VerifyFolders& folders) {
  Applied applied;
  auto store = StoreReader::open(ctx, folders.database);
  if (!store && store.error().code() != Code::kNotFound) return sluice::fail(std::move(store).error());
  if (store) {
    SLUICE_TRY(applied, (*store)->applied(ctx));
  }
  Comparison comparison(ctx, store ? store->get() : nullptr, applied.position);
  SLUICE_TRY(JournalSummary summary, sluice::reservoir::read_journal(ctx, folders.journal, comparison));
  if (store && summary.journal_id != applied.journal_id)
    comparison.report(0, "the store belongs to another journal than this one");
  // Asked again: a server may have stored and trimmed more since.
  Position stored = 0;
  if (store) {
    SLUICE_TRY(Applied now, (*store)->applied(ctx));
    stored = now.position;
  }
  if (stored + 1 < summary.oldest)
    comparison.report(stored + 1, "lost: the journal was trimmed up to " + std::to_string(summary.oldest - 1) +
                                      ", but the store ends at " + std::to_string(stored));
  return comparison.finish(summary);
}

}  // namespace epro
