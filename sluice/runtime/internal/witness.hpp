// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <sluice/base/assert.hpp>

namespace sluice::internal {

struct Waiter;

/// Whether this build looks for misuse that costs time and memory to find: CMake's SLUICE_CHECKS.
#if defined(SLUICE_CHECKS)
inline constexpr bool kChecked = true;
#else
inline constexpr bool kChecked = false;
#endif

/// Remembers who did something last, and where, to be told should that turn out to be one half of a mistake.
/// Threads: one at a time, who sees to it.
class StackWitness {
 public:
  /// `what` is told in front of the stack: "it was closed".
  constexpr explicit StackWitness(const char* what) noexcept : what_(what) {}

  /// The caller does it now. Some tens of nanoseconds.
  void remember() noexcept;
  [[nodiscard]] bool has_seen() const noexcept { return count_ > 0; }
  [[nodiscard]] std::uint64_t fiber_id() const noexcept { return fiber_id_; }
  /// Nothing if it has not seen any.
  void write() const noexcept;
  /// For SLUICE_ASSERT.
  [[nodiscard]] Earlier earlier() const noexcept;

 private:
  static constexpr std::size_t kFramesKept = 16;  // what somebody wrote himself is among the innermost

  const char* what_;
  std::uint64_t fiber_id_ = 0;
  std::size_t count_ = 0;
  std::array<std::uintptr_t, kFramesKept> frames_{};
};

/// Instead of it where nobody looks. Empty.
struct NoWitness {
  constexpr explicit NoWitness(const char*) noexcept {}
  void remember() noexcept {}
  /// Says which build would know.
  [[nodiscard]] static Earlier earlier() noexcept;
};

/// For SLUICE_ASSERT, in every build: where `waiter` waits. Null: nobody does.
[[nodiscard]] Earlier where_it_waits(const Waiter* waiter) noexcept;

/// As a member: [[no_unique_address]], so that it takes no room where it is none.
using Witness = std::conditional_t<kChecked, StackWitness, NoWitness>;

}  // namespace sluice::internal
