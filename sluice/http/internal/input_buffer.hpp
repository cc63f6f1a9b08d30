// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

namespace sluice::http::internal {

/// Bytes that have come from a stream and wait to be understood, in one piece. Its memory is touched as far as it is used.
class InputBuffer {
 public:
  explicit InputBuffer(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  /// What waits; good until the next call of another function.
  [[nodiscard]] std::string_view view() const noexcept { return as_text({bytes_.get() + begin_, end_ - begin_}); }
  [[nodiscard]] bool is_empty() const noexcept { return begin_ == end_; }

  void consume(std::size_t count) noexcept {
    SLUICE_ASSERT(count <= end_ - begin_, "only what is there is consumed");
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  [[nodiscard]] bool has_space() const noexcept { return end_ - begin_ < capacity_; }
  /// Where the next bytes go. Requires: there is room, for what waits is less than the capacity.
  [[nodiscard]] std::span<std::byte> space() noexcept {
    if (begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    SLUICE_ASSERT(end_ < capacity_, "no line is longer than the buffer, so some of it was consumed");
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t count) noexcept { end_ += count; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sluice::http::internal
