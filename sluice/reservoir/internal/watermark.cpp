// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/watermark.hpp>

#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::reservoir::internal {

Position Watermark::value() const noexcept {
  return value_.load(std::memory_order_acquire);  // acquire: pairs with the release in advance
}

void Watermark::advance(Position to) {
  SLUICE_ASSERT(to >= value(), "a watermark only rises");
  std::shared_ptr<WaitGroup> waiting;
  {
    std::lock_guard hold(mutex_);
    value_.store(to, std::memory_order_release);  // release: pairs with the acquire in value
    waiting = std::exchange(next_, nullptr);
  }
  if (waiting) waiting->done();
}

Result<void> Watermark::wait_beyond(Context& ctx, Position position) {
  SLUICE_TRY(ctx.check());
  while (value() <= position) {
    std::shared_ptr<WaitGroup> next;  // shared with the others who wait, and with advance until it has woken all
    {
      std::lock_guard hold(mutex_);
      if (value() > position) break;
      if (!next_) {
        next_ = std::make_shared<WaitGroup>();
        next_->add();
      }
      next = next_;
    }
    SLUICE_TRY(next->wait(ctx));
  }
  return {};
}

}  // namespace sluice::reservoir::internal
