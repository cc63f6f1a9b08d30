// SPDX-License-Identifier: MIT
#include <sluice/db/internal/sqlite_error.hpp>

#include <string>

#include <sqlite3.h>

namespace sluice::db {
namespace {

/// The low byte of an extended code is the code that it refines.
constexpr int kPrimaryMask = 0xFF;

Code code_of_constraint(int extended) noexcept {
  switch (extended) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID: return Code::kAlreadyExists;
    default: return Code::kFailedPrecondition;
  }
}

Code code_of(int extended) noexcept {
  switch (extended) {
    // Before their primary codes: these mean something else to the caller.
    case SQLITE_IOERR_NOMEM: return Code::kResourceExhausted;
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_CORRUPTFS: return Code::kDataLoss;
    case SQLITE_READONLY_DBMOVED: return Code::kUnavailable;
    case SQLITE_ABORT_ROLLBACK: return Code::kAborted;
  }
  switch (extended & kPrimaryMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // lost the race for the log's locks several times
    case SQLITE_SCHEMA:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return Code::kUnavailable;
    case SQLITE_CONSTRAINT: return code_of_constraint(extended);
    case SQLITE_FULL:
    case SQLITE_NOMEM: return Code::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kDataLoss;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return Code::kPermissionDenied;
    case SQLITE_INTERRUPT: return Code::kCancelled;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH: return Code::kInvalidArgument;
    case SQLITE_ABORT: return Code::kAborted;
    default: return Code::kInternal;  // SQLITE_ERROR, _MISUSE, _RANGE…: our SQL, or how we called
  }
}

const char* reason_of(int extended) noexcept {
  switch (extended & kPrimaryMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "database-busy";
    case SQLITE_CONSTRAINT: return "constraint";
    case SQLITE_FULL: return "disk-full";
    default: return "";
  }
}

}  // namespace

Error sqlite_error(int code, std::string_view what, std::source_location where) {
  std::string detail = sqlite3_errstr(code);
  if (!what.empty()) detail.append(": ").append(what);
  return Error(code_of(code), std::move(detail), where).because(reason_of(code));
}

}  // namespace sluice::db
