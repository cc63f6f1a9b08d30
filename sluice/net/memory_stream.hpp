// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <sluice/net/stream.hpp>

namespace sluice::net {

/// Two streams joined back to back, without a network: what goes into one comes out of the other. Each direction holds at
/// most `capacity` bytes, then the writer waits. For tests of protocols, where time and failures must obey.
/// Destroying one end acts as a reset: the other reads what is left, then the end; its writes fail with kUnavailable.
/// Requires: capacity > 0. Threads and fibers as for every Stream; in fibers only.
[[nodiscard]] std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(std::size_t capacity);

}  // namespace sluice::net
