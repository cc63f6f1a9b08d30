// SPDX-License-Identifier: MIT
#include <apps/epro/store/store_reader.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include <sluice/base/bytes.hpp>

#include <apps/epro/store/schema.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Result;
using sluice::Sha256;
using sluice::db::Sqlite;
using sluice::db::SqliteConnection;
using sluice::db::SqliteOptions;
using sluice::db::SqliteStatement;
using sluice::reservoir::Position;

/// A server that is merging its log holds a lock for a moment only; who runs a command has time.
constexpr sluice::Duration kBusyWait = std::chrono::seconds(10);

// The columns are those of read_row(). In each part the index on the place in the journal gives the order, so nothing is
// sorted and a page costs what it returns.
constexpr std::string_view kRows =
    "SELECT journal_pos, journal_ordinal, disposition, study_oid, submission_id, kind, receipt_id,"
    "  payload, payload_sha256, NULL FROM submissions"
    "  WHERE (journal_pos, journal_ordinal) > (?1, ?2) AND journal_pos <= ?3"
    " UNION ALL"
    " SELECT journal_pos, 0, 'publication', study_oid, CAST(revision AS TEXT), 'study', NULL, NULL, sha256, NULL"
    "  FROM publications WHERE journal_pos > ?1 AND journal_pos <= ?3"
    " UNION ALL"
    " SELECT journal_pos, journal_ordinal, CASE reason WHEN 'repeated' THEN 'repeated' ELSE 'set aside' END, NULL, NULL,"
    "  NULL, receipt_id, NULL, NULL, key FROM set_aside"
    "  WHERE (journal_pos, journal_ordinal) > (?1, ?2) AND journal_pos <= ?3"
    " ORDER BY 1, 2 LIMIT ?4";

RowKind kind_of(std::string_view what) {
  if (what == "accepted") return RowKind::kAccepted;
  if (what == "quarantined") return RowKind::kQuarantined;
  if (what == "publication") return RowKind::kPublication;
  return what == "repeated" ? RowKind::kRepeated : RowKind::kSetAside;
}

/// Bytes of another length than they should have become zeros, which are nobody's hash or key.
template <std::size_t kSize>
std::array<std::byte, kSize> fixed(std::span<const std::byte> bytes) {
  std::array<std::byte, kSize> result{};
  if (bytes.size() == kSize) std::memcpy(result.data(), bytes.data(), kSize);
  return result;
}

StoredRow read_row(const SqliteStatement& row) {
  StoredRow stored;
  stored.position = static_cast<Position>(row.integer(0));
  stored.ordinal = static_cast<std::uint64_t>(row.integer(1));
  stored.kind = kind_of(row.text(2));
  stored.receipt_id = row.text(6);
  if (stored.kind == RowKind::kSetAside || stored.kind == RowKind::kRepeated) {
    stored.key = fixed<sizeof(stored.key)>(row.bytes(9));
    return stored;
  }
  stored.key = sluice::reservoir::key_of({row.text(5), row.text(3), row.text(4)});
  stored.content = fixed<sizeof(Sha256)>(row.bytes(8));
  if (row.is_null(7)) return stored;  // of a publication only the hash is kept
  const Sha256 beside = *stored.content;
  stored.content = sluice::sha256(row.bytes(7));
  stored.is_intact = *stored.content == beside;
  return stored;
}

}  // namespace

Result<std::unique_ptr<StoreReader>> StoreReader::open(Context& ctx, const std::filesystem::path& file) {
  SLUICE_TRY(auto database,
             Sqlite::open(ctx, {.file = file, .mode = SqliteOptions::Mode::kReadOnly, .busy_wait = kBusyWait}));
  SLUICE_TRY(std::int64_t version, database->read(ctx, [](SqliteConnection& connection) -> Result<std::int64_t> {
    SLUICE_TRY(auto query, connection.prepare("SELECT user_version FROM pragma_user_version"));
    SLUICE_TRY(query.start());
    SLUICE_TRY(query.next());
    return query.integer(0);
  }));
  if (version != kSchemaVersion)
    return sluice::fail(Code::kFailedPrecondition, file.filename().string() + " is no database of this version of epro");
  return std::unique_ptr<StoreReader>(new StoreReader(std::move(database)));
}

Result<Applied> StoreReader::applied(Context& ctx) {
  return database_->read(ctx, [](SqliteConnection& connection) -> Result<Applied> {
    SLUICE_TRY(auto query, connection.prepare("SELECT applied_pos, journal_id FROM drain_state"));
    SLUICE_TRY(query.start());
    SLUICE_TRY(query.next());
    return Applied{static_cast<Position>(query.integer(0)), std::string(query.text(1))};
  });
}

Result<std::vector<std::string>> StoreReader::studies_with_vitals(Context& ctx) {
  return database_->read(ctx, [](SqliteConnection& connection) -> Result<std::vector<std::string>> {
    SLUICE_TRY(auto query, connection.prepare(
        "SELECT study_oid FROM studies WHERE EXISTS (SELECT 1 FROM submissions"
        " WHERE submissions.study_oid = studies.study_oid AND kind = 'vitals') ORDER BY study_oid"));
    SLUICE_TRY(query.start());
    std::vector<std::string> studies;
    for (;;) {
      SLUICE_TRY(bool found, query.next());
      if (!found) return studies;
      studies.emplace_back(query.text(0));
    }
  });
}

Result<std::vector<StoredRow>> StoreReader::rows(Context& ctx, Position after, std::uint64_t after_ordinal, Position last,
                                                 std::size_t rows_max) {
  return database_->read(ctx, [&](SqliteConnection& connection) -> Result<std::vector<StoredRow>> {
    SLUICE_TRY(auto query, connection.prepare(kRows));
    SLUICE_TRY(query.start({after, after_ordinal, last, rows_max}));
    std::vector<StoredRow> rows;
    for (;;) {
      SLUICE_TRY(bool found, query.next());
      if (!found) return rows;
      rows.push_back(read_row(query));
    }
  });
}

}  // namespace epro
