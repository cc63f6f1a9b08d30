// SPDX-License-Identifier: MIT
#include <sluice/base/result.hpp>

#include <cerrno>
#include <system_error>

namespace sluice {
namespace {

Code code_of_errno(int error_number) noexcept {
  switch (error_number) {
    case ENOENT: return Code::kNotFound;
    case EEXIST: return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return Code::kResourceExhausted;
    case EINVAL:
    case ENAMETOOLONG: return Code::kInvalidArgument;
    case ECANCELED: return Code::kCancelled;
    case ETIMEDOUT: return Code::kDeadlineExceeded;
    case EIO: return Code::kDataLoss;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EAGAIN: return Code::kUnavailable;
    default: return Code::kUnknown;
  }
}

}  // namespace

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::kCancelled: return "cancelled";
    case Code::kUnknown: return "unknown";
    case Code::kInvalidArgument: return "invalid argument";
    case Code::kDeadlineExceeded: return "deadline exceeded";
    case Code::kNotFound: return "not found";
    case Code::kAlreadyExists: return "already exists";
    case Code::kPermissionDenied: return "permission denied";
    case Code::kResourceExhausted: return "resource exhausted";
    case Code::kFailedPrecondition: return "failed precondition";
    case Code::kAborted: return "aborted";
    case Code::kOutOfRange: return "out of range";
    case Code::kUnimplemented: return "unimplemented";
    case Code::kInternal: return "internal";
    case Code::kUnavailable: return "unavailable";
    case Code::kDataLoss: return "data loss";
    case Code::kUnauthenticated: return "unauthenticated";
  }
  return "unknown";
}

Error::Error(Code code, std::string detail, std::source_location where)
    : code_(code), facts_(std::make_unique<Facts>(Facts{std::move(detail), {}, "", where})) {}

Error::Error(const Error& other)
    : code_(other.code_), facts_(other.facts_ ? std::make_unique<Facts>(*other.facts_) : nullptr) {}

Error& Error::operator=(const Error& other) {
  if (this != &other) *this = Error(other);
  return *this;
}

Error Error::with(std::string_view context) && {
  facts_->detail = facts_->detail.empty() ? std::string(context) : std::string(context) + ": " + facts_->detail;
  return std::move(*this);
}

Error Error::because(const char* reason) && {
  facts_->reason = reason;
  return std::move(*this);
}

Error Error::at(std::string field) && {
  facts_->field = std::move(field);
  return std::move(*this);
}

std::string_view Error::detail() const noexcept { return facts_ ? std::string_view(facts_->detail) : ""; }
std::string_view Error::reason() const noexcept { return facts_ ? facts_->reason : ""; }
std::string_view Error::field() const noexcept { return facts_ ? std::string_view(facts_->field) : ""; }
std::source_location Error::where() const noexcept { return facts_ ? facts_->where : std::source_location(); }

std::string Error::describe() const {
  std::string text(to_string(code_));
  if (!reason().empty()) text.append(" [").append(reason()).append("]");
  if (!field().empty()) text.append(" at ").append(field());
  if (!detail().empty()) text.append(": ").append(detail());
  std::string_view file = where().file_name();
  if (auto root = file.rfind("sluice/"); root != file.npos) file.remove_prefix(root);
  return text.append(" (").append(file).append(":").append(std::to_string(where().line())).append(")");
}

std::unexpected<Error> fail(Code code, std::string detail, std::source_location where) {
  return std::unexpected(Error(code, std::move(detail), where));
}

std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

Error errno_error(int error_number, std::string_view what, std::source_location where) {
  std::string detail(what);
  detail.append(": ").append(std::generic_category().message(error_number));
  return Error(code_of_errno(error_number), std::move(detail), where);
}

}  // namespace sluice
