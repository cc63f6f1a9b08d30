// SPDX-License-Identifier: MIT
// One connection, used by one fiber at a time inside blocking(): the scheduler gives the processor to another thread, so
// that call has a thread to itself. Rejected: a thread of our own with a queue, which the runtime makes superfluous; a
// pool of readers, as long as nobody but commands reads.
#include <sluice/db/sqlite.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/blocking.hpp>

#include <sluice/db/internal/sqlite_error.hpp>

namespace sluice::db {
namespace {

using Mode = SqliteOptions::Mode;

/// Makes an empty file, which is an empty database. SQLite would make it readable for everybody; the log gets the same
/// rights as the database. Not inlined: errno's address belongs to a thread, and callers may change theirs.
[[gnu::noinline]] Result<void> make_file(const std::filesystem::path& file) {
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd >= 0) {
    ::close(fd);  // of a file that no connection has open: closing another would drop that connection's locks
    return {};
  }
  if (errno == EEXIST) return {};
  return fail(errno_error(errno, "create " + file.filename().string()));
}

Error open_error(sqlite3* handle, int code, const std::filesystem::path& file) {
  if (handle == nullptr) return Error(Code::kResourceExhausted, "no memory to open a database");
  std::string what = "open " + file.filename().string();
  int system_error = sqlite3_system_errno(handle);
  if ((code & 0xFF) == SQLITE_CANTOPEN && system_error == ENOENT) return Error(Code::kNotFound, std::move(what));
  if ((code & 0xFF) == SQLITE_CANTOPEN && system_error == EACCES) return Error(Code::kPermissionDenied, std::move(what));
  return sqlite_error(code, what);
}

Result<sqlite3*> open_handle(const SqliteOptions& options) {
  if (options.mode == Mode::kCreate) SLUICE_TRY(make_file(options.file));
  const int access = options.mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* handle = nullptr;
  // NOMUTEX: turn_ sees to it that one thread at a time uses the connection.
  int code = sqlite3_open_v2(options.file.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) return handle;
  Error error = open_error(handle, code, options.file);
  sqlite3_close(handle);
  return fail(std::move(error));
}

std::string settings(const SqliteOptions& options) {
  std::string sql = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL;";
  sql += "PRAGMA cache_size=-" + std::to_string(options.cache_bytes / 1024) + ";";  // negative: in KiB
  if (options.mode != Mode::kReadOnly)
    sql += "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=" + std::to_string(options.checkpoint_pages) + ";";
  // Reads the first page, and with it opens the log: is_in_place() has to know that one too.
  return sql + "SELECT count(*) FROM sqlite_schema;";
}

/// Whether closing the last connection merges the log into the database and removes it.
void set_merge_at_close(sqlite3* handle, bool merges) noexcept {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, merges ? 0 : 1, nullptr);
}

}  // namespace

Sqlite::Sqlite(SqliteOptions options, std::unique_ptr<SqliteConnection> connection)
    : options_(std::move(options)), connection_(std::move(connection)) {}

Sqlite::~Sqlite() {
  blocking(
      [this] {
        set_merge_at_close(connection_->handle_, options_.mode != Mode::kReadOnly && is_in_place());
        connection_.reset();
      },
      Expect::kLong);
}

Result<std::unique_ptr<Sqlite>> Sqlite::open(Context& ctx, SqliteOptions options) {
  SLUICE_ASSERT(sqlite3_threadsafe() != 0, "SQLite was built for several threads");
  SLUICE_TRY(ctx.check());
  return blocking([&] { return open_blocking(ctx, std::move(options)); }, Expect::kLong);
}

Result<std::unique_ptr<Sqlite>> Sqlite::open_blocking(Context& ctx, SqliteOptions options) {
  SLUICE_TRY(sqlite3* handle, open_handle(options));
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, options.busy_wait));
  // Until we know that all is well, and for who only reads, closing changes nothing.
  set_merge_at_close(handle, false);
  connection->obey(&ctx);
  auto set = connection->execute(settings(options));
  connection->obey(nullptr);
  if (!set) return fail(std::move(set).error().with(options.file.filename().string()));
  std::unique_ptr<Sqlite> database(new Sqlite(std::move(options), std::move(connection)));
  SLUICE_TRY(database->remember_files());
  return database;
}

std::optional<Sqlite::Identity> Sqlite::identify(const std::filesystem::path& file) {
  struct stat status;
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

Result<void> Sqlite::remember_files() {
  sqlite3* handle = connection_->handle_;
  log_file_ = sqlite3_filename_wal(sqlite3_db_filename(handle, "main"));
  log_ = identify(log_file_);
  auto database = identify(options_.file);
  // It may have been moved since it was opened; SQLite knows which file it has.
  int has_moved = 0;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  if (!database || has_moved != 0) return fail(Code::kUnavailable, "the database was moved while it was opened");
  database_ = *database;
  return {};
}

bool Sqlite::is_in_place() const {
  return blocking([this] { return identify(options_.file) == database_ && (!log_ || identify(log_file_) == log_); });
}

Result<void> Sqlite::in_transaction(Context& ctx, Access access, const Body& body) {
  SLUICE_TRY(ctx.check());
  SLUICE_TRY(turn_.acquire(ctx));
  auto result = blocking([&] { return connection_->transact(ctx, access == Access::kRead, body); }, Expect::kLong);
  turn_.release();
  return result;
}

}  // namespace sluice::db
