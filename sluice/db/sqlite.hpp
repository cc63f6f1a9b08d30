// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/semaphore.hpp>

#include <sluice/db/sqlite_connection.hpp>

namespace sluice::db {

struct SqliteOptions {
  enum class Mode : std::uint8_t {
    kReadOnly,   ///< must exist
    kMustExist,  ///< read and write
    kCreate,     ///< made if it is missing, readable for owner and group only
  };
  std::filesystem::path file;
  Mode mode = Mode::kMustExist;
  /// How long a statement waits while another process holds the lock that it needs; 0 = not at all.
  Duration busy_wait = std::chrono::seconds(1);
  /// From how many pages (of 4 KiB) on the write-ahead log is copied back into the database. SQLite's own 1,000 copies the
  /// pages of random keys again and again; 10,000 gives 25 to 40 % more rows a second for 40 MB of log (baselines.md §E).
  int checkpoint_pages = 10'000;
  /// How much of the database is kept in memory. With SQLite's own 2 MB a transaction of some hundred reports does not
  /// fit: pages go to the log and come back from it several times.
  std::size_t cache_bytes = std::size_t{64} << 20;
};

/// A database in a file, for fibers: statements run on a thread of their own meanwhile (blocking(), Expect::kLong), so a
/// slow disk or a lock holds up nobody but the caller.
///
///   SLUICE_TRY(auto database, Sqlite::open(ctx, {.file = "var/epro.db"}));
///   SLUICE_TRY(auto rows, database->transact(ctx, [&](SqliteConnection& connection) -> Result<std::int64_t> {
///     SLUICE_TRY(auto insert, connection.prepare("INSERT INTO visits (id, at) VALUES (?1, ?2)"));
///     return insert.run({id, at});
///   }));
///
/// Write-ahead log, a flush for each commit (synchronous=FULL), foreign keys on. The end of ctx interrupts a statement
/// within some milliseconds; a commit that has begun is not interrupted.
/// Errors: kUnavailable `database-busy`: another process holds the lock. kAlreadyExists: a unique key is taken;
/// kFailedPrecondition: another constraint. kResourceExhausted: the disk is full. kDataLoss: the file is damaged or no
/// database. The cause of ctx if that ended. No detail holds a value: they name columns and files.
/// Threads: fibers; one transaction at a time, the others park until it is over.
/// Lifetime: nobody is inside at the end. If the file is in its place then, the log is merged into it, else both are left
/// as they are.
class Sqlite {
 public:
  /// kNotFound: no such file, and it must exist. kUnavailable: it cannot be opened now.
  static Result<std::unique_ptr<Sqlite>> open(Context& ctx, SqliteOptions options);
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite();

  /// Runs fn(SqliteConnection&) -> Result<T> in a transaction that may write: all that it did is committed and on stable
  /// storage when this returns its value, none of it after an error. Requires: fn does not park.
  template <class F>
  auto transact(Context& ctx, F fn) -> std::invoke_result_t<F&, SqliteConnection&>;
  /// The same for reading: all its statements see the database at one moment. Requires: fn does not park, nor write.
  template <class F>
  auto read(Context& ctx, F fn) -> std::invoke_result_t<F&, SqliteConnection&>;

  /// Whether the path still names the file that is open, and its log likewise. Writing on after that would go into a file
  /// that somebody has moved away, or delete the log of the one that took its place. Never parks.
  [[nodiscard]] bool is_in_place() const;

 private:
  /// What a file is called by the kernel.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  enum class Access : std::uint8_t { kRead, kWrite };
  using Body = std::function<Result<void>(SqliteConnection&)>;

  Sqlite(SqliteOptions options, std::unique_ptr<SqliteConnection> connection);
  static std::optional<Identity> identify(const std::filesystem::path& file);
  static Result<std::unique_ptr<Sqlite>> open_blocking(Context& ctx, SqliteOptions options);
  Result<void> remember_files();
  template <class F>
  auto run(Context& ctx, Access access, F& fn) -> std::invoke_result_t<F&, SqliteConnection&>;
  Result<void> in_transaction(Context& ctx, Access access, const Body& body);

  const SqliteOptions options_;
  Identity database_;                // constant after open
  std::filesystem::path log_file_;   // constant after open
  std::optional<Identity> log_;      // constant after open; nothing: the database has none
  Semaphore turn_{1};
  std::unique_ptr<SqliteConnection> connection_;  // for the holder of turn_
};

// ---- implementation ----

template <class F>
auto Sqlite::transact(Context& ctx, F fn) -> std::invoke_result_t<F&, SqliteConnection&> {
  return run(ctx, Access::kWrite, fn);
}

template <class F>
auto Sqlite::read(Context& ctx, F fn) -> std::invoke_result_t<F&, SqliteConnection&> {
  return run(ctx, Access::kRead, fn);
}

template <class F>
auto Sqlite::run(Context& ctx, Access access, F& fn) -> std::invoke_result_t<F&, SqliteConnection&> {
  using ResultOfFn = std::invoke_result_t<F&, SqliteConnection&>;
  std::optional<ResultOfFn> result;
  auto ended = in_transaction(ctx, access, [&](SqliteConnection& connection) -> Result<void> {
    ResultOfFn outcome = fn(connection);
    if (!outcome) return fail(std::move(outcome).error());
    result.emplace(std::move(outcome));
    return {};
  });
  if (!ended) return fail(std::move(ended).error());
  return *std::move(result);
}

}  // namespace sluice::db
