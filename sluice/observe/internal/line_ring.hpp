// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::observe::internal {

/// Hands lines from whoever logs to whoever writes them, in a fixed number of bytes, and lets nobody wait: when there
/// is no room, push says so and the line is the caller's to drop.
/// Threads: any number push; one at a time pops. What X did before push is visible to whoever pops the line.
/// Lines come out in the order in which they got their room. One whose writer has lost its processor holds back those
/// behind it until it goes on; it never holds up other writers.
class LineRing {
 public:
  /// Requires: `bytes` is a power of two and at least 16.
  explicit LineRing(std::size_t bytes);

  /// False: no room now; nothing was stored. A line longer than the ring never finds any.
  [[nodiscard]] bool push(std::uint8_t tag, std::string_view line) noexcept;
  /// Replaces `line` by the oldest one. False: there is none that is complete; `tag` and `line` are as before.
  [[nodiscard]] bool pop(std::uint8_t& tag, std::string& line);

 private:
  [[nodiscard]] std::atomic_ref<std::uint64_t> header_at(std::uint64_t position) noexcept;
  /// Calls each(place, offset, count) for the one or two stretches of memory behind `bytes` bytes from `position`.
  template <class Each>
  void for_stretches(std::uint64_t position, std::size_t bytes, Each each);

  std::size_t bytes_;
  std::unique_ptr<std::uint64_t[]> words_;

  // Bytes ever given away and ever taken back. They only grow; position modulo bytes_ is the place. On lines of their
  // own, because writers fight for the first and only the reader writes the second.
  alignas(64) std::atomic<std::uint64_t> claimed_{0};   // written by pushers; publishes nothing, the headers do
  alignas(64) std::atomic<std::uint64_t> released_{0};  // written by the popper; publishes cleared room to pushers
};

}  // namespace sluice::observe::internal
