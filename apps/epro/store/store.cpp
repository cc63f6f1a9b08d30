// SPDX-License-Identifier: MIT
// What stands where the file should be decides what happens:
//
//   nothing, or an empty file   made anew if that is allowed, else waited for
//   ours, of this journal       used
//   another journal's, another version's, somebody else's   kFailedPrecondition: a person has to look
//   ours, but behind what we stored in it   an old copy, or its log has not been moved back yet: waited for
//
// Whether it still is the file that is open is asked before each transaction, and again after it, before the drain
// learns that it may let go of the records.
#include <apps/epro/store/store.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/db/sqlite.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>

#include <apps/epro/record/judge.hpp>

#include <apps/epro/store/instrument_cache.hpp>
#include <apps/epro/store/row_writer.hpp>
#include <apps/epro/store/schema.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Result;
using sluice::db::Sqlite;
using sluice::db::SqliteConnection;
using sluice::db::SqliteOptions;
using sluice::reservoir::Position;
using sluice::reservoir::Record;
using sluice::reservoir::Stored;

Result<std::int64_t> number(SqliteConnection& connection, std::string_view sql) {
  SLUICE_TRY(auto query, connection.prepare(sql));
  SLUICE_TRY(query.start());
  SLUICE_TRY(bool found, query.next());
  return found ? query.integer(0) : 0;
}

Result<Stored> applied(SqliteConnection& connection) {
  SLUICE_TRY(auto query, connection.prepare("SELECT applied_pos, fingerprint FROM drain_state"));
  SLUICE_TRY(query.start());
  SLUICE_TRY(bool found, query.next());
  Stored stored;
  if (!found || query.bytes(1).size() != stored.fingerprint.size())
    return sluice::fail(Code::kFailedPrecondition, "the database does not say which record it was given last");
  stored.position = static_cast<Position>(query.integer(0));
  std::ranges::copy(query.bytes(1), stored.fingerprint.begin());
  return stored;
}

Result<void> check_journal(SqliteConnection& connection, std::string_view journal_id) {
  SLUICE_TRY(auto query, connection.prepare("SELECT journal_id FROM drain_state"));
  SLUICE_TRY(query.start());
  SLUICE_TRY(bool found, query.next());
  if (found && query.text(0) == journal_id) return {};
  return sluice::fail(Code::kFailedPrecondition, "the database belongs to another journal than this server's");
}

Result<void> create(SqliteConnection& connection, std::string_view journal_id) {
  SLUICE_TRY(connection.execute(schema_sql()));
  SLUICE_TRY(connection.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion)));
  SLUICE_TRY(auto insert, connection.prepare(
      "INSERT INTO drain_state (id, applied_pos, fingerprint, journal_id) VALUES (1, ?1, ?2, ?3)"));
  constexpr Stored kNothing;
  SLUICE_TRY(insert.run({kNothing.position, kNothing.fingerprint, journal_id}));
  return {};
}

}  // namespace

class Store::Work {
 public:
  Work(StoreOptions options, Parts parts)
      : options_(std::move(options)),
        may_create_(options_.may_create),
        log_(parts.log),
        submissions_total_(parts.metrics.counter_family(
            "epro_store_submissions_total", "Reports and vital-sign items stored.", {"kind", "disposition"})),
        set_aside_total_(parts.metrics.counter_family(
            "epro_store_set_aside_total", "Kept apart, for they could not become the rows that they should.", {"reason"})),
        bare_total_(parts.metrics.counter("epro_store_bare_total", "Accepted, but stored without values.")) {}

  Result<Stored> position(Context& ctx);
  Result<void> apply(Context& ctx, std::span<const Record> records);

 private:
  Result<void> make_ready(Context& ctx);
  Result<void> open(Context& ctx);
  Result<void> check_or_create(Context& ctx, Sqlite& database);
  Result<void> check_in_place();
  Result<void> check_not_behind(Position position) const;
  Result<Position> write(SqliteConnection& connection, std::span<const Record> records, Tally& tally);
  void count(const Tally& tally);
  /// Hands an error on, after closing what had it: the next use begins anew. A lock alone is no reason to.
  std::unexpected<sluice::Error> failed(sluice::Error error);

  const StoreOptions options_;
  bool may_create_;  // until the database was open once
  sluice::observe::Logger& log_;
  sluice::observe::CounterFamily& submissions_total_;
  sluice::observe::CounterFamily& set_aside_total_;
  sluice::observe::Counter& bare_total_;
  InstrumentCache instruments_;
  Position stored_ = 0;               // the highest that we know to be in it
  std::unique_ptr<Sqlite> database_;  // null: closed
};

Result<Stored> Store::Work::position(Context& ctx) {
  SLUICE_TRY(make_ready(ctx));
  auto stored = database_->read(ctx, [](SqliteConnection& connection) { return applied(connection); });
  if (!stored) return failed(std::move(stored).error());
  if (auto ahead = check_not_behind(stored->position); !ahead) return failed(std::move(ahead).error());
  stored_ = stored->position;
  return stored;
}

Result<void> Store::Work::apply(Context& ctx, std::span<const Record> records) {
  SLUICE_TRY(make_ready(ctx));
  Tally tally;
  auto position = database_->transact(
      ctx, [&](SqliteConnection& connection) { return write(connection, records, tally); });
  if (!position) return failed(std::move(position).error());
  // What went into a file that has just been removed is not stored.
  if (auto in_place = check_in_place(); !in_place) return failed(std::move(in_place).error());
  stored_ = *position;
  count(tally);
  return {};
}

Result<Position> Store::Work::write(SqliteConnection& connection, std::span<const Record> records, Tally& tally) {
  SLUICE_TRY(Stored stored, applied(connection));
  SLUICE_TRY(check_not_behind(stored.position));
  RowWriter writer(connection, instruments_, tally);
  const Record* last = nullptr;
  for (const Record& record : records) {
    if (record.position <= stored.position) continue;
    const Position before = last == nullptr ? stored.position : last->position;
    if (record.position != before + 1)
      return sluice::fail(Code::kFailedPrecondition, "records are missing behind position " + std::to_string(before));
    SLUICE_TRY(writer.write(record));
    last = &record;
  }
  if (last == nullptr) return stored.position;
  SLUICE_TRY(auto update, connection.prepare("UPDATE drain_state SET applied_pos = ?1, fingerprint = ?2"));
  SLUICE_TRY(update.run({last->position, fingerprint_of(*last)}));
  return last->position;
}

Result<void> Store::Work::make_ready(Context& ctx) {
  if (!database_) SLUICE_TRY(open(ctx));
  if (auto in_place = check_in_place(); !in_place) return failed(std::move(in_place).error());
  return {};
}

Result<void> Store::Work::open(Context& ctx) {
  const auto mode = may_create_ ? SqliteOptions::Mode::kCreate : SqliteOptions::Mode::kMustExist;
  auto database = Sqlite::open(ctx, {.file = options_.file, .mode = mode, .busy_wait = options_.busy_wait});
  if (!database && database.error().code() == Code::kNotFound)
    return sluice::fail(Code::kUnavailable, "the database is missing; it is waited for, not made anew");
  if (!database) return sluice::fail(std::move(database).error());
  SLUICE_TRY(check_or_create(ctx, **database));
  may_create_ = false;
  database_ = *std::move(database);
  return {};
}

Result<void> Store::Work::check_or_create(Context& ctx, Sqlite& database) {
  struct Found {
    std::int64_t version;
    std::int64_t tables;
  };
  SLUICE_TRY(Found found, database.read(ctx, [&](SqliteConnection& connection) -> Result<Found> {
    SLUICE_TRY(std::int64_t version, number(connection, "SELECT user_version FROM pragma_user_version"));
    SLUICE_TRY(std::int64_t tables, number(connection, "SELECT count(*) FROM sqlite_schema"));
    if (version == kSchemaVersion) SLUICE_TRY(check_journal(connection, options_.journal_id));
    return Found{version, tables};
  }));
  if (found.version == kSchemaVersion) return {};
  if (found.version != 0 || found.tables != 0)
    return sluice::fail(Code::kFailedPrecondition,
                        "the database was made by another version of epro, or by somebody else");
  if (!may_create_) return sluice::fail(Code::kUnavailable, "the database is empty; its content is waited for, not made anew");
  SLUICE_TRY(database.transact(
      ctx, [&](SqliteConnection& connection) { return create(connection, options_.journal_id); }));
  log_.info("database created", {{"file", options_.file.native()}});
  return {};
}

Result<void> Store::Work::check_in_place() {
  if (database_->is_in_place()) return {};
  return sluice::fail(Code::kUnavailable, "the database was moved away or removed");
}

Result<void> Store::Work::check_not_behind(Position position) const {
  if (position >= stored_) return {};
  return sluice::fail(Code::kUnavailable, "the database is an older copy: it is at position " + std::to_string(position) +
                                              ", and everything up to " + std::to_string(stored_) + " was stored in it");
}

std::unexpected<sluice::Error> Store::Work::failed(sluice::Error error) {
  instruments_.clear();
  if (error.reason() != "database-busy") database_.reset();
  return sluice::fail(std::move(error));
}

void Store::Work::count(const Tally& tally) {
  for (SubmissionKind kind : {SubmissionKind::kReport, SubmissionKind::kVitals})
    for (Disposition disposition : {Disposition::kAccepted, Disposition::kQuarantined}) {
      auto times = tally.submissions[static_cast<std::size_t>(kind)][static_cast<std::size_t>(disposition)];
      if (times > 0) submissions_total_.with({to_string(kind), to_string(disposition)}).add(times);
    }
  for (SetAside reason : {SetAside::kUnreadable, SetAside::kConstraint, SetAside::kConflict, SetAside::kRepeated})
    if (auto times = tally.set_aside[static_cast<std::size_t>(reason)]; times > 0)
      set_aside_total_.with({to_string(reason)}).add(times);
  bare_total_.add(tally.bare);
  if (tally.first_set_aside > 0)
    log_.error("something acknowledged was set aside; see the table set_aside", {{"position", tally.first_set_aside}});
}

Store::Store(StoreOptions options, Parts parts) : work_(std::make_unique<Work>(std::move(options), parts)) {}
Store::~Store() = default;

Result<Stored> Store::position(Context& ctx) { return work_->position(ctx); }

Result<void> Store::apply(Context& ctx, std::span<const Record> records) { return work_->apply(ctx, records); }

}  // namespace epro
