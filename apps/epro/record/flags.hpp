// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace epro {

/// What is remarkable about a report without being wrong: the closed list of api.md. The numbers are stored
/// (submissions.flags is a bit set) and never change; a new flag takes the next bit.
enum class Flag : std::uint32_t {
  kClockSkew = 1U << 0,        ///< the device's clock is off by more than the study tolerates
  kFuture = 1U << 1,           ///< captured after it was received
  kTzChanged = 1U << 2,        ///< another UTC offset than in this device's previous report
  kLate = 1U << 3,             ///< captured after the window had closed
  kDeliveredLate = 1U << 4,    ///< captured in time, received more than a day later: connectivity, not the patient
  kDuplicateWindow = 1U << 5,  ///< the window already had its report
  kUnscheduled = 1U << 6,      ///< captured outside every window
  kDeviceSeqReused = 1U << 7,  ///< another report carries the same device, epoch and sequence number
  kOutOfRange = 1U << 8,       ///< possible, but outside the plausible range
};

/// "clock_skew" and the like.
[[nodiscard]] std::string_view to_string(Flag flag) noexcept;

/// A set of flags, as a value.
class Flags {
 public:
  constexpr Flags() = default;
  /// The set whose stored form is `bits`.
  constexpr explicit Flags(std::uint32_t bits) noexcept : bits_(bits) {}

  constexpr void add(Flag flag) noexcept { bits_ |= static_cast<std::uint32_t>(flag); }
  [[nodiscard]] constexpr bool has(Flag flag) const noexcept { return (bits_ & static_cast<std::uint32_t>(flag)) != 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// The stored form.
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  /// The words of the flags that are set, in the order of the list.
  [[nodiscard]] std::vector<std::string_view> names() const;

  friend constexpr bool operator==(Flags, Flags) noexcept = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace epro
