// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/global_queue.hpp>

#include <algorithm>
#include <mutex>

namespace sluice::internal {

void GlobalQueue::push(std::span<Fiber* const> fibers) {
  std::lock_guard hold(lock_);
  std::size_t size = size_approx();
  if (size + fibers.size() > ring_.size()) make_room(size + fibers.size());
  for (Fiber* fiber : fibers) ring_[(first_ + size++) & (ring_.size() - 1)] = fiber;
  size_.store(size);  // seq_cst: ordered before the pusher's look at the sleepers
}

std::size_t GlobalQueue::take_share(std::span<Fiber*> room, std::size_t takers) noexcept {
  std::lock_guard hold(lock_);
  std::size_t size = size_approx();
  std::size_t share = std::min({room.size(), size / takers + 1, size});
  for (std::size_t i = 0; i < share; ++i) room[i] = ring_[(first_ + i) & (ring_.size() - 1)];
  first_ = (first_ + share) & (ring_.size() - 1);
  size_.store(size - share, std::memory_order_relaxed);  // relaxed: who reads it without the lock looks again
  return share;
}

void GlobalQueue::make_room(std::size_t count) {
  std::vector<Fiber*> larger(ring_.size());
  while (larger.size() < count) larger.resize(2 * larger.size());
  std::size_t size = size_approx();
  for (std::size_t i = 0; i < size; ++i) larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
  ring_.swap(larger);
  first_ = 0;
}

}  // namespace sluice::internal
