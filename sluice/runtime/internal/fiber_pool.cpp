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

// Blocks without a fiber are all zeros but for `next`: so are fresh pages, and those that were given back.
Fiber* link_slab(Fiber* slab, std::size_t count, Fiber* behind) noexcept {
  for (std::size_t i = 0; i < count; ++i) slab[i].next = i + 1 < count ? &slab[i + 1] : behind;
  return slab;
}

}  // namespace

FiberPool::~FiberPool() {
  for (std::size_t i = 0; i < slab_count_.load(); ++i) ::munmap(slabs_[i].load(), kSlabBytes);
}

Fiber* FiberPool::take_some(std::size_t wanted) {
  std::lock_guard hold(lock_);
  if (free_count_ == 0 && !add_slab()) return nullptr;
  std::size_t count = std::min(wanted, free_count_);
  Fiber* first = free_;
  Fiber* last = first;
  for (std::size_t i = 1; i < count; ++i) last = last->next;
  free_ = std::exchange(last->next, nullptr);
  free_count_ -= count;
  return first;
}

void FiberPool::put_some(Fiber* chain) {
  std::lock_guard hold(lock_);
  while (chain != nullptr) {
    Fiber* next = std::exchange(chain->next, free_);
    free_ = chain;
    chain = next;
    ++free_count_;
  }
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
  free_ = link_slab(slab, kFibersPerSlab, free_);
  free_count_ += kFibersPerSlab;
  return true;
}

void FiberPool::trim() {
  std::vector<Fiber*> free = take_free();
  std::ranges::sort(free);  // now the blocks of a slab without fibers stand in a row
  std::vector<Fiber*> empty_slabs;
  Fiber* kept = nullptr;
  std::size_t kept_count = 0;
  for (std::size_t i = 0; i < free.size();) {
    if (kept_count >= kWarmFibers && begins_empty_slab(std::span(free).subspan(i))) {
      ::madvise(free[i], kSlabBytes, MADV_DONTNEED);
      empty_slabs.push_back(free[i]);
      i += kFibersPerSlab;
    } else {
      free[i]->next = std::exchange(kept, free[i]);
      ++kept_count;
      ++i;
    }
  }
  put_some(kept);
  std::lock_guard hold(lock_);
  cold_.insert(cold_.end(), empty_slabs.begin(), empty_slabs.end());
  count_after_trim_ = free_count_;
}

bool FiberPool::has_surplus() {
  std::lock_guard hold(lock_);
  return has_surplus_unlocked();
}

// If few have come since the last time, those that are left lie in slabs with others.
bool FiberPool::has_surplus_unlocked() const noexcept {
  return free_count_ >= std::max(kWarmFibers, count_after_trim_) + kFibersPerSlab;
}

// All of them: who needs some meanwhile gets a slab. None if there is no surplus.
std::vector<Fiber*> FiberPool::take_free() {
  std::vector<Fiber*> free;
  std::lock_guard hold(lock_);
  if (!has_surplus_unlocked()) return free;
  free.reserve(free_count_);
  for (Fiber* fiber = std::exchange(free_, nullptr); fiber != nullptr; fiber = fiber->next) free.push_back(fiber);
  free_count_ = 0;
  return free;
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
