// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice {
class Context;
}

namespace sluice::db {

/// A value on its way into a statement. Lifetime: text and bytes outlive the call that they are handed to.
class SqliteValueView {
 public:
  SqliteValueView(std::nullptr_t) {}
  SqliteValueView(std::nullopt_t) {}
  SqliteValueView(std::string_view text) : value_(text) {}
  SqliteValueView(const std::string& text) : value_(std::string_view(text)) {}
  SqliteValueView(const char* text) : value_(std::string_view(text)) {}
  SqliteValueView(std::span<const std::byte> bytes) : value_(bytes) {}
  template <std::size_t kSize>
  SqliteValueView(const std::array<std::byte, kSize>& bytes) : value_(std::span<const std::byte>(bytes)) {}
  /// An unsigned number beyond 2^63 - 1 is kOutOfRange when it is bound: SQLite has none.
  SqliteValueView(std::signed_integral auto number) : value_(std::int64_t{number}) {}
  SqliteValueView(std::unsigned_integral auto number) : value_(std::uint64_t{number}) {}
  SqliteValueView(std::floating_point auto number) : value_(static_cast<double>(number)) {}
  /// Microseconds since 1970-01-01 UTC.
  SqliteValueView(WallTime time) : value_(std::int64_t{time.time_since_epoch().count()}) {}
  /// NULL if empty.
  template <class T>
  SqliteValueView(const std::optional<T>& value) {
    if (value) *this = SqliteValueView(*value);
  }

  using Value = std::variant<std::monostate, std::int64_t, std::uint64_t, double, std::string_view,
                             std::span<const std::byte>>;
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  Value value_;  // monostate: NULL
};

class SqliteConnection;

/// A statement with its parameters still open. Run it any number of times, or step through what it finds:
///
///   SLUICE_TRY(auto query, connection.prepare("SELECT id, at FROM visits WHERE patient = ?1"));
///   SLUICE_TRY(query.start({patient}));
///   while (true) {
///     SLUICE_TRY(bool found, query.next());
///     if (!found) break;
///     visit(query.text(0), query.integer(1));
///   }
///
/// Values are bound, never written into the text. Threads: of its connection. Lifetime: its connection outlives it, and
/// it does not leave the transaction in which it was prepared.
class SqliteStatement {
 public:
  SqliteStatement(SqliteStatement&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)), entry_(other.entry_) {}
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  /// Runs to the end with these values for ?1, ?2…; how many rows it inserted, changed or deleted. Rows that it finds are
  /// passed over. Requires: as many values as parameters.
  Result<std::int64_t> run(std::initializer_list<SqliteValueView> values = {});
  /// Begins a query anew with these values, which are copied. Requires: as many values as parameters.
  Result<void> start(std::initializer_list<SqliteValueView> values = {});
  /// Goes to the next row; false if there is none. Requires: started, and not at the end.
  Result<bool> next();

  // The columns of the row, from 0. Text and bytes are borrowed until the next call of next(), start() or run(). A NULL
  // is 0 or empty; a value of another type is converted as SQLite does it.
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::span<const std::byte> bytes(int column) const;
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const;
  [[nodiscard]] std::optional<double> maybe_real(int column) const;

 private:
  friend class SqliteConnection;
  struct Entry;
  SqliteStatement(SqliteConnection* connection, Entry* entry) noexcept : connection_(connection), entry_(entry) {}

  Result<void> bind(std::initializer_list<SqliteValueView> values, bool copies);
  void reset() noexcept;

  SqliteConnection* connection_;  // null: moved from
  Entry* entry_;
};

/// What a transaction works with; Sqlite hands it out. Prepared statements are kept for the next transaction.
/// Threads: one at a time.
class SqliteConnection {
 public:
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  /// The statement of this text. Requires: one statement; the text is a constant of the program, never made from values;
  /// the statement of the same text before is gone. kInternal: the text is no SQL, or not for this schema.
  Result<SqliteStatement> prepare(std::string_view sql);
  /// Runs statements that take no values and whose rows nobody wants: a schema, a pragma.
  Result<void> execute(const std::string& sql);
  /// Runs fn; if it fails, what it did is undone, and the transaction goes on as if fn had not been called. The error is
  /// fn's. If SQLite had to roll back all of the transaction, which it does when the disk is full, every later statement
  /// and the transaction fail too. May be nested.
  Result<void> attempt(const std::function<Result<void>()>& fn);

 private:
  friend class Sqlite;
  friend class SqliteStatement;

  /// Statements that are kept. A program has some dozen; the bound is for one that makes them up.
  static constexpr std::size_t kStatementsMax = 128;

  SqliteConnection(sqlite3* handle, Duration busy_wait);

  /// Until this is called with null, statements wait and stop as the context says.
  void obey(const Context* context) noexcept { context_ = context; }
  Result<void> run(std::string_view sql);
  /// Runs `body` in a transaction of its own, which ends with it.
  Result<void> transact(const Context& ctx, bool only_reads, const std::function<Result<void>(SqliteConnection&)>& body);
  [[nodiscard]] bool is_in_transaction() const noexcept;
  [[nodiscard]] Error error(int code) const;
  static int on_progress(void* self) noexcept;
  static int on_busy(void* self, int times) noexcept;

  sqlite3* const handle_;
  const Duration busy_wait_;
  const Context* context_ = nullptr;  // of whoever is using it
  bool only_reads_ = false;           // the transaction under way is one for reading
  Duration waited_{0};                // for the lock, in this statement
  std::map<std::string, std::unique_ptr<SqliteStatement::Entry>, std::less<>> statements_;
};

}  // namespace sluice::db
