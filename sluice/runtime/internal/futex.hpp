// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>

namespace sluice::internal {

/// Sleeps in the kernel while `word` equals `expected`, at most for `timeout`. Returns for no reason at times.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::optional<Duration> timeout = std::nullopt) noexcept;
/// Wakes one thread that sleeps on this address. `word` may be gone already: only its address counts.
void futex_wake(std::atomic<std::uint32_t>& word) noexcept;

/// Tells the processor that this is a spin loop.
inline void relax_processor() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace sluice::internal
