// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::internal {

inline constexpr std::size_t kCacheLine = 64;
/// What a fiber uses of its stack on its way into a wait and out of it.
inline constexpr std::size_t kFrameBytes = 8 * kCacheLine;

/// Asks for the memory in [from, from + bytes), which will be written soon; any address will do. Several calls one after the
/// other cost about as much as one: the processor waits for the translations of some addresses, and for a few dozen lines,
/// at the same time.
inline void prefetch(std::uintptr_t from, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(reinterpret_cast<const void*>(from + i), 1);
}
inline void prefetch(const void* from, std::size_t bytes) noexcept {
  prefetch(reinterpret_cast<std::uintptr_t>(from), bytes);
}

/// Asks for what a fiber will use of its stack when it goes on: its frames, and those of what buries the one before it, which
/// go below them. Any value will do for the stack pointer, 0 too.
inline void prefetch_frames(std::uintptr_t stack_pointer) noexcept {
  prefetch(stack_pointer - kCacheLine, kFrameBytes);
}

}  // namespace sluice::internal
