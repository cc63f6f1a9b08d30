// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/timer_wheel.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice {
class Context;
}

namespace sluice::internal {

class ChannelCore;

/// One case of a select, without its element type, and the room that the select needs for it.
struct SelectCase {
  enum class Kind : std::uint8_t { kReceive, kSend, kAfter, kOtherwise };

  static SelectCase receive(ChannelCore& channel, void* room) noexcept { return {Kind::kReceive, &channel, room, {}}; }
  static SelectCase send(ChannelCore& channel, void* value) noexcept { return {Kind::kSend, &channel, value, {}}; }
  static SelectCase after(Duration length) noexcept { return {Kind::kAfter, nullptr, nullptr, length}; }
  static SelectCase otherwise() noexcept { return {Kind::kOtherwise, nullptr, nullptr, {}}; }

  struct CaseTimer final : Timer {
    Fiber* fiber = nullptr;
  };

  Kind kind;
  ChannelCore* channel;
  void* slot;
  Duration length;

  // Of the select as a whole, an entry each: the random order in which cases are tried, and the channels by address.
  std::size_t turn = 0;
  ChannelCore* lock = nullptr;
  std::optional<Waiter> waiter{};
  CaseTimer timer{};
};

struct SelectChoice {
  std::size_t index;  ///< kContextEnded (all bits set) if the context ended first
  bool received;      ///< a receive that brought a value; false: its channel is closed and empty
};

SelectChoice select(Context& ctx, std::span<SelectCase> cases);

}  // namespace sluice::internal
