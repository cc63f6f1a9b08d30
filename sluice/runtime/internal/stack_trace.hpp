// SPDX-License-Identifier: MIT
//
// Stacks are walked along the frame pointers, which everything of ours is compiled with: two loads a frame, no tables, no
// locks, so it can be done in a signal handler and for a million fibers. The price: a function of a library that was
// compiled without them hides its caller (gdb, which has tables, shows it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::internal {

struct Fiber;

/// Where a stack stands: the address of each frame's next instruction, the innermost first.
struct StackTrace {
  static constexpr std::size_t kFramesMax = 64;

  std::array<std::uintptr_t, kFramesMax> frames{};
  std::size_t count = 0;
  bool is_exact = false;  ///< the first is where it was interrupted; all others are where calls return to
  bool goes_on = false;   ///< there was no room for more

  void add(std::uintptr_t pc) noexcept {
    goes_on = count == kFramesMax;
    if (!goes_on) frames[count++] = pc;
  }
};

/// Where a stack begins to be read.
struct Registers {
  std::uintptr_t pc = 0;
  std::uintptr_t frame = 0;  ///< the frame pointer
  std::uintptr_t stack = 0;  ///< the stack pointer
};

/// [low, high): what may be read.
struct StackBounds {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;

  /// Two words fit there.
  [[nodiscard]] bool holds_frame(std::uintptr_t at) const noexcept {
    return at >= low && at < high && high - at >= 2 * sizeof(std::uintptr_t) && at % sizeof(std::uintptr_t) == 0;
  }
};

/// Reads a word that somebody else may be writing; any of its values will do. Later reads are not done before it.
[[nodiscard]] std::uintptr_t peek(const void* word) noexcept;
[[nodiscard]] std::uint8_t peek_byte(const void* byte) noexcept;

/// What switch_stack left at `context`. Requires: it lies in `bounds`, or nothing is returned.
[[nodiscard]] Registers saved_registers(std::uintptr_t context, StackBounds bounds) noexcept;

/// Never reads outside of `bounds`, whatever it finds. Safe in a signal handler.
[[nodiscard]] StackTrace walk_stack(const Registers& from, StackBounds bounds) noexcept;

/// The same for a thread that was interrupted, perhaps in a library without frame pointers.
[[nodiscard]] StackTrace walk_interrupted_stack(const Registers& from, StackBounds bounds) noexcept;

/// Where switch_stack puts them, in bytes above the pointer that it leaves in Fiber::context.
struct SavedAt {
#if defined(__x86_64__) && !defined(SLUICE_BOOST_SWITCH)
  static constexpr std::size_t kPc = 0, kFrame = 8, kEnd = 16;
#elif defined(__x86_64__)
  static constexpr std::size_t kPc = 0x38, kFrame = 0x30, kEnd = 0x40;  // Boost.Context 1.74 to 1.86
#else
  static constexpr std::size_t kPc = 0xa0, kFrame = 0x90, kEnd = 0xb0;  // the same on AArch64
#endif
};

}  // namespace sluice::internal
