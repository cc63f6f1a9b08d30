// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::http::internal {

/// A client may leave out numbers of streams, and must not come back to them; nghttp2 takes that for a frame that was late on
/// a stream which has been forgotten. Remembers what was left out, the last few times: honest clients do so once if ever.
/// Threads: one at a time. Source: RFC 9113 §5.1.1.
class H2SkippedIds {
 public:
  /// A client begins a head on this stream. False: it has passed that one over before.
  [[nodiscard]] bool may_begin(std::int32_t id) noexcept {
    if (id > highest_) {
      if (id - 2 > highest_) ranges_[next_++ % ranges_.size()] = {highest_ + 2, id - 2};
      highest_ = id;
      return true;
    }
    return std::none_of(ranges_.begin(), ranges_.end(),
                        [id](const Range& range) { return range.first <= id && id <= range.last; });
  }

 private:
  struct Range {
    std::int32_t first = 0;
    std::int32_t last = -1;  // less than first: none
  };

  std::array<Range, 8> ranges_;
  std::size_t next_ = 0;
  std::int32_t highest_ = -1;
};

}  // namespace sluice::http::internal
