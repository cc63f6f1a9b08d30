// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/fiber_pool.hpp>

#include <algorithm>
#include <bit>
#include <mutex>
#include <span>
#include <utility>

#include <sys/mman.h>

namespace sluice::internal {
namespace {

// Aligned to its size, so that a block's address says whether it is its slab's first.
Fiber* map_slab(std::size_t bytes) noexcept {
  void* memory =
      ::mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto begin = reinterpret_cast<std::uintptr_t>(memory);
  std::size_t before = (bytes - begin % bytes) % bytes;
  if (before > 0) ::munmap(memory, before);
  ::munmap(reinterpret_cast<void*>(begin + before + bytes), bytes - before);
  return reinterpret_cast<Fiber*>(begin + before);
}

}  // namespace

FiberPool::~FiberPool() {
  for (std::size_t i = 0; i < slab_count_.load(); ++i) ::munmap(slabs_[i].load(), kSlabBytes);
}

void FiberPool::take_some(std::vector<Fiber*>& to, std::size_t wanted) {
  std::lock_guard hold(lock_);
  if (free_.empty() && !add_slab()) return;
  auto count = static_cast<std::ptrdiff_t>(std::min(wanted, free_.size()));
  to.insert(to.end(), free_.end() - count, free_.end());
  free_.erase(free_.end() - count, free_.end());
}

void FiberPool::put_some(std::vector<Fiber*>& from, std::size_t count) {
  std::lock_guard hold(lock_);
  free_.insert(free_.end(), from.end() - static_cast<std::ptrdiff_t>(count), from.end());
  from.resize(from.size() - count);
}

bool FiberPool::add_slab() {
  Fiber* slab = nullptr;
  if (!cold_.empty()) {
    slab = cold_.back();
    cold_.pop_back();
  } else {
    std::size_t count = slab_count_.load(std::memory_order_relaxed);  // relaxed: written under lock_, which we hold
    if (count == kSlabs) return false;
    slab = map_slab(kSlabBytes);
    if (slab == nullptr) return false;
    slabs_[count].store(slab, std::memory_order_relaxed);  // relaxed: published by the count
    // release: pairs with the acquire in for_each.
    slab_count_.store(count + 1, std::memory_order_release);
  }
  // Blocks without a fiber have no id: so it is in fresh pages, and in those that were given back.
  for (std::size_t i = kFibersPerSlab; i > 0; --i) free_.push_back(&slab[i - 1]);  // taken from the back
  return true;
}

void FiberPool::trim() {
  std::deque<Fiber*> taken = take_free();
  std::vector<Fiber*> free(taken.begin(), taken.end());
  std::ranges::sort(free);  // now the blocks of a slab without fibers stand in a row
  std::vector<Fiber*> empty_slabs, kept;
  for (std::size_t i = 0; i < free.size();) {
    if (kept.size() >= kWarmFibers && begins_empty_slab(std::span(free).subspan(i))) {
      ::madvise(free[i], kSlabBytes, MADV_DONTNEED);
      empty_slabs.push_back(free[i]);
      i += kFibersPerSlab;
    } else {
      kept.push_back(free[i++]);
    }
  }
  std::lock_guard hold(lock_);
  free_.insert(free_.begin(), kept.begin(), kept.end());  // what was put back meanwhile is used first
  cold_.insert(cold_.end(), empty_slabs.begin(), empty_slabs.end());
  count_after_trim_ = free_.size();
}

bool FiberPool::has_surplus() {
  std::lock_guard hold(lock_);
  return has_surplus_unlocked();
}

// If few have come since the last time, those that are left lie in slabs with others.
bool FiberPool::has_surplus_unlocked() const noexcept {
  return free_.size() >= std::max(kWarmFibers, count_after_trim_) + kFibersPerSlab;
}

// All of them: who needs some meanwhile gets a slab. None if there is no surplus.
std::deque<Fiber*> FiberPool::take_free() {
  std::lock_guard hold(lock_);
  if (!has_surplus_unlocked()) return {};
  return std::exchange(free_, {});
}

std::optional<std::source_location> FiberPool::started_at(std::uint64_t id) const {
  std::optional<std::source_location> where;
  for_each([&](const Fiber& fiber) {
    auto candidate = std::bit_cast<std::source_location>(peek(&fiber.started_at));
    if (peek(&fiber.id) == id) where = candidate;  // after reading: it is still the same
  });
  return where;
}

bool FiberPool::begins_empty_slab(std::span<Fiber* const> free) noexcept {
  return reinterpret_cast<std::uintptr_t>(free.front()) % kSlabBytes == 0 && free.size() >= kFibersPerSlab &&
         free[kFibersPerSlab - 1] == free.front() + kFibersPerSlab - 1;
}

}  // namespace sluice::internal
