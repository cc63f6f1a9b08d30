// SPDX-License-Identifier: MIT
#include <sluice/db/sqlite_connection.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <type_traits>

#include <sqlite3.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/context.hpp>

#include <sluice/db/internal/sqlite_error.hpp>

namespace sluice::db {
namespace {

using std::chrono::milliseconds;

/// How many steps of SQLite's machine lie between two looks at the context: some 100 µs of work.
constexpr int kStepsBetweenChecks = 10'000;
/// Waiting for a lock begins with looking again soon, and ends up at one look in this time.
constexpr milliseconds kBusySleepMax{25};
/// The low byte of an extended code is the code that it refines.
constexpr int kPrimaryMask = 0xFF;
constexpr const char* kRolledBack = "SQLite has rolled the transaction back";

/// Column data as SQLite gives it: null for an empty value, so the size decides.
std::string_view view(const void* data, int size) noexcept {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

/// Binds one value. Text and bytes are copied by SQLite if `copies`, else borrowed until they are unbound.
int bind_one(sqlite3_stmt* statement, int place, const SqliteValueView& value, bool copies) {
  // A null pointer would bind NULL, where an empty text or blob is meant.
  static constexpr char kEmpty = 0;
  auto* destructor = copies ? SQLITE_TRANSIENT : SQLITE_STATIC;
  return std::visit(
      [&](const auto& v) -> int {
        using V = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::monostate>) {
          return sqlite3_bind_null(statement, place);
        } else if constexpr (std::is_same_v<V, double>) {
          return sqlite3_bind_double(statement, place, v);
        } else if constexpr (std::is_integral_v<V>) {
          return sqlite3_bind_int64(statement, place, static_cast<sqlite3_int64>(v));
        } else if constexpr (std::is_same_v<V, std::string_view>) {
          return sqlite3_bind_text64(statement, place, v.empty() ? &kEmpty : v.data(), v.size(), destructor, SQLITE_UTF8);
        } else {
          const void* data = v.empty() ? static_cast<const void*>(&kEmpty) : v.data();
          return sqlite3_bind_blob64(statement, place, data, v.size(), destructor);
        }
      },
      value.value());
}

bool fits(const SqliteValueView& value) {
  const auto* number = std::get_if<std::uint64_t>(&value.value());
  return number == nullptr || *number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
}

}  // namespace

struct SqliteStatement::Entry {
  sqlite3_stmt* statement = nullptr;
  bool is_kept = false;    // in the connection's cache
  bool is_in_use = false;  // somebody has it
  ~Entry() { sqlite3_finalize(statement); }
};

// ---- SqliteStatement ----

SqliteStatement::~SqliteStatement() {
  if (connection_ == nullptr) return;
  reset();
  entry_->is_in_use = false;
  if (!entry_->is_kept) delete entry_;
}

void SqliteStatement::reset() noexcept {
  sqlite3_reset(entry_->statement);  // what it returns is what step() has told already
  sqlite3_clear_bindings(entry_->statement);
}

Result<void> SqliteStatement::bind(std::initializer_list<SqliteValueView> values, bool copies) {
  SLUICE_ASSERT(values.size() == static_cast<std::size_t>(sqlite3_bind_parameter_count(entry_->statement)),
                "a statement gets as many values as it has parameters");
  // Outside of a transaction each statement would be one of its own.
  if (!connection_->is_in_transaction()) return fail(Code::kAborted, kRolledBack);
  int place = 0;
  for (const SqliteValueView& value : values) {
    ++place;
    if (!fits(value)) return fail(Code::kOutOfRange, "a number beyond what SQLite stores");
    if (int code = bind_one(entry_->statement, place, value, copies); code != SQLITE_OK)
      return fail(connection_->error(code));
  }
  return {};
}

Result<std::int64_t> SqliteStatement::run(std::initializer_list<SqliteValueView> values) {
  reset();
  SLUICE_TRY(bind(values, false));
  const auto before = sqlite3_total_changes64(connection_->handle_);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(entry_->statement);
  if (code != SQLITE_DONE) {
    Error error = connection_->error(code);  // before reset(), which may change the message
    reset();
    return fail(std::move(error));
  }
  reset();  // the values are borrowed until here
  return sqlite3_total_changes64(connection_->handle_) - before;
}

Result<void> SqliteStatement::start(std::initializer_list<SqliteValueView> values) {
  reset();
  return bind(values, true);
}

Result<bool> SqliteStatement::next() {
  int code = sqlite3_step(entry_->statement);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(connection_->error(code));
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(entry_->statement, column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(entry_->statement, column); }

double SqliteStatement::real(int column) const { return sqlite3_column_double(entry_->statement, column); }

std::string_view SqliteStatement::text(int column) const {
  const void* data = sqlite3_column_text(entry_->statement, column);
  return view(data, sqlite3_column_bytes(entry_->statement, column));
}

std::span<const std::byte> SqliteStatement::bytes(int column) const {
  const void* data = sqlite3_column_blob(entry_->statement, column);
  auto seen = view(data, sqlite3_column_bytes(entry_->statement, column));
  return std::as_bytes(std::span(seen.data(), seen.size()));
}

std::optional<std::int64_t> SqliteStatement::maybe_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::optional<double> SqliteStatement::maybe_real(int column) const {
  if (is_null(column)) return std::nullopt;
  return real(column);
}

// ---- SqliteConnection ----

SqliteConnection::SqliteConnection(sqlite3* handle, Duration busy_wait) : handle_(handle), busy_wait_(busy_wait) {
  sqlite3_progress_handler(handle_, kStepsBetweenChecks, &SqliteConnection::on_progress, this);
  sqlite3_busy_handler(handle_, &SqliteConnection::on_busy, this);
}

SqliteConnection::~SqliteConnection() {
  statements_.clear();
  int code = sqlite3_close(handle_);
  SLUICE_ASSERT(code == SQLITE_OK, "no statement outlives its connection");
}

Result<SqliteStatement> SqliteConnection::prepare(std::string_view sql) {
  if (auto known = statements_.find(sql); known != statements_.end()) {
    SLUICE_ASSERT(!known->second->is_in_use, "one statement of a text is in use at a time");
    known->second->is_in_use = true;
    return SqliteStatement(this, known->second.get());
  }
  auto entry = std::make_unique<SqliteStatement::Entry>();
  const char* rest = nullptr;
  int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &entry->statement, &rest);
  // The message is about our own text, which has no values in it.
  if ((code & kPrimaryMask) == SQLITE_ERROR)
    return fail(sqlite_error(sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_)));
  if (code != SQLITE_OK) return fail(error(code));
  SLUICE_ASSERT(entry->statement != nullptr && rest == sql.data() + sql.size(), "prepare() takes one statement");
  SLUICE_ASSERT(!only_reads_ || sqlite3_stmt_readonly(entry->statement), "Sqlite::read() is for reading");
  entry->is_in_use = true;
  entry->is_kept = statements_.size() < kStatementsMax;
  SqliteStatement statement(this, entry.get());
  if (entry->is_kept) {
    statements_.emplace(std::string(sql), std::move(entry));
  } else {
    static_cast<void>(entry.release());  // the statement's
  }
  return statement;
}

Result<void> SqliteConnection::execute(const std::string& sql) {
  int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return {};
}

Result<void> SqliteConnection::attempt(const std::function<Result<void>()>& fn) {
  SLUICE_TRY(run("SAVEPOINT attempt"));
  auto done = fn();
  // After a failure like a full disk SQLite has rolled back all of it, and there is no savepoint any more.
  if (!is_in_transaction()) return done ? Result<void>(fail(Code::kAborted, kRolledBack)) : done;
  if (!done) SLUICE_TRY(run("ROLLBACK TO attempt"));
  SLUICE_TRY(run("RELEASE attempt"));
  return done;
}

Result<void> SqliteConnection::run(std::string_view sql) {
  SLUICE_TRY(auto statement, prepare(sql));
  SLUICE_TRY(statement.run());
  return {};
}

Result<void> SqliteConnection::transact(const Context& ctx, bool only_reads,
                                        const std::function<Result<void>(SqliteConnection&)>& body) {
  obey(&ctx);
  only_reads_ = only_reads;
  auto done = execute(only_reads ? "BEGIN" : "BEGIN IMMEDIATE");
  if (done) done = body(*this);
  // From here on nothing interrupts: who gives up during a commit must not be told that nothing happened.
  obey(nullptr);
  if (done) done = is_in_transaction() ? execute("COMMIT") : Result<void>(fail(Code::kAborted, kRolledBack));
  // An error of the rollback says that SQLite has rolled back already.
  if (!done && is_in_transaction()) static_cast<void>(execute("ROLLBACK"));
  return done;
}

bool SqliteConnection::is_in_transaction() const noexcept { return sqlite3_get_autocommit(handle_) == 0; }

Error SqliteConnection::error(int code) const {
  const int extended = sqlite3_extended_errcode(handle_);
  const int primary = code & kPrimaryMask;
  const bool is_ours = primary == SQLITE_INTERRUPT || primary == SQLITE_BUSY;  // what on_progress and on_busy lead to
  if (is_ours && context_ != nullptr && context_->is_cancelled()) return context_->check().error();
  // A constraint's message names columns; others might quote what they choke on.
  return sqlite_error(extended, primary == SQLITE_CONSTRAINT ? sqlite3_errmsg(handle_) : "");
}

int SqliteConnection::on_progress(void* self) noexcept {
  const Context* context = static_cast<SqliteConnection*>(self)->context_;
  return context != nullptr && context->is_cancelled() ? 1 : 0;
}

int SqliteConnection::on_busy(void* self, int times) noexcept {
  auto& connection = *static_cast<SqliteConnection*>(self);
  if (times == 0) connection.waited_ = Duration(0);
  if (connection.waited_ >= connection.busy_wait_) return 0;
  if (connection.context_ != nullptr && connection.context_->is_cancelled()) return 0;
  const auto sleep = std::min(milliseconds(1 + times), kBusySleepMax);
  sqlite3_sleep(static_cast<int>(sleep.count()));  // SQLite's own: we are inside blocking()
  connection.waited_ += sleep;
  return 1;
}

}  // namespace sluice::db
