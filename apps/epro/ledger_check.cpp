// SPDX-License-Identifier: MIT
#include <apps/epro/ledger_check.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <sluice/db/sqlite.hpp>
#include <sluice/runtime/go.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Duration;
using sluice::Result;
using sluice::db::Sqlite;
using sluice::db::SqliteConnection;

// Between two looks at a database that is being drained into.
constexpr Duration kLookEvery = std::chrono::milliseconds(100);

bool is_acknowledged(const LedgerEntry& entry) { return !entry.receipt_id.empty(); }
bool is_refused(const LedgerEntry& entry) { return entry.status != 0 && entry.receipt_id.empty(); }

// Takes ids off the list as long as they are stored, so that each is looked up about once however often we look.
Result<void> take_stored(SqliteConnection& connection, const std::string& study, std::vector<Uuid>& awaited) {
  SLUICE_TRY(auto query, connection.prepare("SELECT 1 FROM submissions WHERE study_oid = ?1 AND submission_id = ?2"));
  while (!awaited.empty()) {
    const std::string id = awaited.back().text();
    SLUICE_TRY(query.start({study, id}));
    SLUICE_TRY(bool is_stored, query.next());
    if (!is_stored) return {};
    awaited.pop_back();
  }
  return {};
}

// What is still awaited then is lost; the comparison finds it again.
Result<std::unique_ptr<Sqlite>> open_when_drained(Context& ctx, const LedgerContent& ledger,
                                                  const std::filesystem::path& database, sluice::Clock& clock,
                                                  Duration patience) {
  const sluice::Instant until = clock.now() + patience;
  std::vector<Uuid> awaited;
  for (const auto& [id, entry] : ledger.entries)
    if (is_acknowledged(entry)) awaited.push_back(id);
  for (;;) {
    // Opened anew each time: the file may not be there yet, or have been put back in its place.
    auto opened = Sqlite::open(ctx, {.file = database, .mode = sluice::db::SqliteOptions::Mode::kReadOnly});
    Result<void> looked;
    if (opened) {
      looked = (*opened)->read(ctx, [&](SqliteConnection& connection) {
        return take_stored(connection, ledger.run.study, awaited);
      });
    }
    if (opened && looked && awaited.empty()) return opened;
    SLUICE_TRY(ctx.check());
    if (clock.now() >= until) {
      SLUICE_TRY(looked);
      return opened;
    }
    SLUICE_TRY(sluice::sleep(ctx, kLookEvery));
  }
}

// Compares row by row, then what no row was there for.
class Comparison {
 public:
  explicit Comparison(const LedgerContent& ledger) : ledger_(ledger) {
    for (const auto& [id, entry] : ledger_.entries) {
      if (is_acknowledged(entry)) ++check_.acknowledged;
      if (entry.status == 0) ++check_.unknown;
    }
  }

  Result<void> take_rows(SqliteConnection& connection) {
    // Of whatever study: a row in another one is wrong, not unseen.
    SLUICE_TRY(auto query, connection.prepare("SELECT study_oid, submission_id, receipt_id, payload_sha256 FROM submissions "
                                              "WHERE device_id >= ?1 AND device_id < ?2"));
    std::string behind = ledger_.run.device_prefix;
    ++behind.back();
    SLUICE_TRY(query.start({ledger_.run.device_prefix, behind}));
    for (;;) {
      SLUICE_TRY(bool is_there, query.next());
      if (!is_there) return {};
      take_row(query.text(0), query.text(1), query.text(2), query.bytes(3));
    }
  }

  LedgerCheck finish() {
    for (const auto& [id, entry] : ledger_.entries)
      if (is_acknowledged(entry) && !rows_.contains(id)) report(check_.lost, "lost", id.text());
    return std::move(check_);
  }

 private:
  void take_row(std::string_view study, std::string_view id_text, std::string_view receipt,
                std::span<const std::byte> sha256) {
    ++check_.stored;
    auto id = parse_uuid(id_text);
    auto found = id ? ledger_.entries.find(*id) : ledger_.entries.end();
    if (found == ledger_.entries.end()) return report(check_.unsent, "never sent", id_text);
    const LedgerEntry& entry = found->second;
    if (++rows_[*id] > 1) return report(check_.doubled, "doubled", id_text);
    if (is_refused(entry)) return report(check_.unwanted, "refused, yet stored", id_text);
    bool has_same_bytes = std::ranges::equal(sha256, entry.payload_sha256);
    bool has_same_receipt = !is_acknowledged(entry) || receipt == entry.receipt_id;
    if (study != ledger_.run.study || !has_same_bytes || !has_same_receipt) report(check_.wrong, "wrong", id_text);
  }

  void report(std::uint64_t& count, std::string_view what, std::string_view id) {
    ++count;
    if (check_.first.size() < kLedgerDisagreementsShown) check_.first.push_back(std::string(what) + ": " + std::string(id));
  }

  const LedgerContent& ledger_;
  LedgerCheck check_;
  std::unordered_map<Uuid, int> rows_;
};

}  // namespace

Result<LedgerCheck> check_ledger(Context& ctx, const LedgerContent& ledger, const std::filesystem::path& database,
                                 sluice::Clock& clock, Duration patience) {
  SLUICE_TRY(auto opened, open_when_drained(ctx, ledger, database, clock, patience));
  Comparison comparison(ledger);
  SLUICE_TRY(opened->read(ctx, [&](SqliteConnection& connection) { return comparison.take_rows(connection); }));
  return comparison.finish();
}

}  // namespace epro
