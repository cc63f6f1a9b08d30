// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::internal {

/// Why a fiber waits. One value per place that parks, so that a dump reads like a sentence.
enum class ParkReason : std::uint8_t {
  kNone,
  kChannelSend,
  kChannelReceive,
  kSelect,
  kMutex,
  kRwMutexRead,
  kRwMutexWrite,
  kCond,
  kGate,
  kSemaphore,
  kWaitGroup,
  kTaskGroup,
  kTaskGroupRoom,
  kSleep,
  kReadable,
  kWritable,
  kBlockingRoom,
};

[[nodiscard]] constexpr std::string_view to_string(ParkReason reason) noexcept {
  switch (reason) {
    case ParkReason::kNone: return "running";
    case ParkReason::kChannelSend: return "sending to a channel";
    case ParkReason::kChannelReceive: return "receiving from a channel";
    case ParkReason::kSelect: return "in select";
    case ParkReason::kMutex: return "locking a mutex";
    case ParkReason::kRwMutexRead: return "locking an rw mutex to read";
    case ParkReason::kRwMutexWrite: return "locking an rw mutex to write";
    case ParkReason::kCond: return "waiting for a cond";
    case ParkReason::kGate: return "closing a gate";
    case ParkReason::kSemaphore: return "acquiring a semaphore";
    case ParkReason::kWaitGroup: return "waiting for a wait group";
    case ParkReason::kTaskGroup: return "joining a task group";
    case ParkReason::kTaskGroupRoom: return "waiting for room in a task group";
    case ParkReason::kSleep: return "sleeping";
    case ParkReason::kReadable: return "waiting for input";
    case ParkReason::kWritable: return "waiting to write";
    case ParkReason::kBlockingRoom: return "waiting for room for a blocking call";
  }
  return "unknown";
}

/// How a fiber leaves its processor, as far as it matters for who is next.
enum class Leaving : std::uint8_t {
  kWaits,  ///< or yields
  kJoins,  ///< waits for fibers that it has probably started itself
  kEnds,
};

[[nodiscard]] constexpr Leaving leaving_for(ParkReason reason) noexcept {
  bool is_join = reason == ParkReason::kWaitGroup || reason == ParkReason::kTaskGroup;
  return is_join ? Leaving::kJoins : Leaving::kWaits;
}

}  // namespace sluice::internal
