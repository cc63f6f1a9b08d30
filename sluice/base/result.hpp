// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// The sixteen canonical codes, with gRPC's numbers. Choose by what the caller should do next:
/// fix its input (kInvalidArgument, kOutOfRange, kFailedPrecondition), try again later (kUnavailable,
/// kResourceExhausted), try again at a higher level (kAborted), or give up.
enum class Code : std::uint8_t {
  kCancelled = 1,          ///< the caller no longer wants it
  kUnknown = 2,            ///< an error from elsewhere that carries no code
  kInvalidArgument = 3,    ///< wrong whatever the state of the system
  kDeadlineExceeded = 4,   ///< too late; it may or may not have happened
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,   ///< known, but not allowed
  kResourceExhausted = 8,  ///< a quota, a bucket, a queue, the disk
  kFailedPrecondition = 9, ///< wrong in this state; no retry helps until the state is changed
  kAborted = 10,           ///< a conflict with another one; the caller may start over
  kOutOfRange = 11,        ///< past the end
  kUnimplemented = 12,
  kInternal = 13,          ///< our invariant is broken
  kUnavailable = 14,       ///< try the same again, with back-off
  kDataLoss = 15,          ///< stored data is damaged
  kUnauthenticated = 16,   ///< who are you?
};

/// "deadline exceeded" and the like: lower case, for logs.
[[nodiscard]] std::string_view to_string(Code code) noexcept;

/// What went wrong, as a value. Moves are cheap (two words), copies are deep.
///
/// `detail` is for people and never holds a value taken from a payload: it may be health data and it ends up in logs.
/// `reason` is a stable word for machines ("duplicate-key"), empty if there is none.
/// `field` names the part of the input at fault, as a JSON Pointer ("/items/3/value") or a configuration key.
/// Threads: as any value. Source: the code guidance of absl/status, shortened.
class Error {
 public:
  explicit Error(Code code, std::string detail = {},
                 std::source_location where = std::source_location::current());
  Error(const Error& other);
  Error(Error&&) noexcept = default;
  Error& operator=(const Error& other);
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;

  /// Adds context in front of the detail: error.with("segment 7") gives "segment 7: short read".
  [[nodiscard]] Error with(std::string_view context) &&;
  /// Sets the machine-readable reason. Requires: a literal or another string that lives for ever.
  [[nodiscard]] Error because(const char* reason) &&;
  /// Sets the field at fault.
  [[nodiscard]] Error at(std::string field) &&;

  [[nodiscard]] Code code() const noexcept { return code_; }
  [[nodiscard]] std::string_view detail() const noexcept;
  [[nodiscard]] std::string_view reason() const noexcept;
  [[nodiscard]] std::string_view field() const noexcept;
  [[nodiscard]] std::source_location where() const noexcept;
  /// "unavailable: connect: connection refused (net/tcp.cpp:80)".
  [[nodiscard]] std::string describe() const;

  /// Equal code, reason and field; detail and place are for people and do not count.
  friend bool operator==(const Error& a, const Error& b) noexcept {
    return a.code_ == b.code_ && a.reason() == b.reason() && a.field() == b.field();
  }

 private:
  struct Facts {
    std::string detail;
    std::string field;
    const char* reason = "";
    std::source_location where;
  };

  Code code_;
  std::unique_ptr<Facts> facts_;  // null only after a move
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail(Code::kNotFound, "no such segment");`
[[nodiscard]] std::unexpected<Error> fail(Code code, std::string detail = {},
                                          std::source_location where = std::source_location::current());
/// `return fail(std::move(error).with("segment 7"));`
[[nodiscard]] std::unexpected<Error> fail(Error error);

/// The Error of an errno value: ENOENT is kNotFound, ENOSPC kResourceExhausted, EACCES kPermissionDenied and so on;
/// whatever has no better code is kUnavailable for sockets' errors, else kUnknown. Detail: "`what`: <strerror text>".
[[nodiscard]] Error errno_error(int error_number, std::string_view what,
                                std::source_location where = std::source_location::current());

}  // namespace sluice

/// Hands an error to the caller, or goes on with the value:
///   SLUICE_TRY(auto entry, journal.append(ctx, frame));
///   SLUICE_TRY(file.sync(ctx));
#define SLUICE_TRY(first, ...) SLUICE_TRY_CAT_(SLUICE_TRY_CHECK, __VA_OPT__(_AND_BIND))(first __VA_OPT__(, ) __VA_ARGS__)

// ---- implementation ----

#define SLUICE_TRY_CAT_(a, b) SLUICE_TRY_CAT2_(a, b)
#define SLUICE_TRY_CAT2_(a, b) a##b
#define SLUICE_TRY_CHECK(expression)                                                      \
  do {                                                                                    \
    if (auto sluice_try_result = (expression); !sluice_try_result) [[unlikely]]           \
      return std::unexpected(std::move(sluice_try_result).error());                       \
  } while (false)
#define SLUICE_TRY_CHECK_AND_BIND(declaration, ...) \
  SLUICE_TRY_BIND_(SLUICE_TRY_CAT_(sluice_try_result_, __LINE__), declaration, __VA_ARGS__)
#define SLUICE_TRY_BIND_(result, declaration, ...)                               \
  auto result = (__VA_ARGS__);                                                   \
  if (!result) [[unlikely]] return std::unexpected(std::move(result).error());   \
  declaration = *std::move(result)
