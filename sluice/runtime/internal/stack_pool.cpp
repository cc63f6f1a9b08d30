// SPDX-License-Identifier: MIT
//
// A slab is one mapping:   | guard | stack ........ | guard | stack ........ | ...
// Stacks grow down into their guard. With light guards a slab stays one mapping, and neighbouring slabs merge.
//
// Rejected: a mapping per stack (ends near 32,000, and 6 to 9 µs each); shared or copied stacks (pointers into a stack
// are everywhere in C++).
#include <sluice/runtime/internal/stack_pool.hpp>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include <sys/mman.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>

namespace sluice::internal {
namespace {

constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL; Debian 12's headers do not have it yet
constexpr std::size_t kSplitGuardBudget = 16'000;  // half of the default vm.max_map_count, at two mappings each
// Idle stacks whose pages are kept. Beyond that their memory goes back: 1,000 stacks of a few pages are a few MiB.
constexpr std::size_t kWarmStacks = 1'000;

std::size_t round_up(std::size_t bytes, std::size_t unit) noexcept { return (bytes + unit - 1) / unit * unit; }

}  // namespace

GuardKind StackPool::best_guard() noexcept {
  static const GuardKind kBest = [] {
    auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* probe = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) return GuardKind::kSplit;
    bool light = ::madvise(probe, page, kGuardInstall) == 0;
    ::munmap(probe, page);
    return light ? GuardKind::kLight : GuardKind::kSplit;
  }();
  return kBest;
}

StackPool::StackPool(std::size_t stack_bytes, GuardKind guard)
    : page_bytes_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      stack_bytes_(std::max(round_up(stack_bytes, page_bytes_), 4 * page_bytes_)),
      stacks_per_slab_(std::max<std::size_t>(kSlabBytes / stack_bytes_, 1)),
      guard_kind_(guard),
      split_guards_left_(kSplitGuardBudget),
      slabs_(kMaxSlabs) {}

StackPool::~StackPool() {
  for (std::size_t i = 0; i < slab_count_.load(); ++i) ::munmap(slabs_[i].load(), stacks_per_slab_ * stack_bytes_);
}

void StackPool::take_some(std::vector<Stack>& to, std::size_t wanted) {
  std::lock_guard hold(lock_);
  if (free_.empty() && !add_slab()) return;
  std::size_t count = std::min(wanted, free_.size());
  to.insert(to.end(), free_.end() - static_cast<std::ptrdiff_t>(count), free_.end());
  free_.resize(free_.size() - count);
}

void StackPool::put_some(std::vector<Stack>& from, std::size_t count) {
  std::lock_guard hold(lock_);
  for (; count > 0; --count) {
    Stack stack = from.back();
    from.pop_back();
    if (free_.size() >= kWarmStacks) ::madvise(stack.low, stack.bytes, MADV_DONTNEED);
    free_.push_back(stack);
  }
}

Stack StackPool::stack_above_guard(const void* address) const noexcept {
  auto* at = static_cast<const std::byte*>(address);
  // acquire: pairs with the release in add_slab; the entries below the count are written.
  std::size_t count = slab_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* slab = slabs_[i].load(std::memory_order_relaxed);  // relaxed: published by the count
    if (at < slab || at >= slab + stacks_per_slab_ * stack_bytes_) continue;
    std::size_t offset = static_cast<std::size_t>(at - slab) / stack_bytes_ * stack_bytes_;
    if (at >= slab + offset + page_bytes_) return {};
    return {slab + offset + page_bytes_, stack_bytes_ - page_bytes_};
  }
  return {};
}

bool StackPool::add_slab() {
  std::size_t count = slab_count_.load(std::memory_order_relaxed);  // relaxed: written under lock_, which we hold
  if (count == kMaxSlabs) return false;
  std::size_t bytes = stacks_per_slab_ * stack_bytes_;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);  // one touched page must not cost two megabytes
  auto* slab = static_cast<std::byte*>(memory);
  for (std::size_t i = stacks_per_slab_; i > 0; --i) {
    std::byte* base = slab + (i - 1) * stack_bytes_;
    guard(base);
    free_.push_back({base + page_bytes_, stack_bytes_ - page_bytes_});
  }
  slabs_[count].store(slab, std::memory_order_relaxed);  // relaxed: published by the count
  // release: pairs with the acquire in stack_above_guard.
  slab_count_.store(count + 1, std::memory_order_release);
  return true;
}

void StackPool::guard(std::byte* page) noexcept {
  switch (guard_kind_) {
    case GuardKind::kLight:
      SLUICE_ASSERT(::madvise(page, page_bytes_, kGuardInstall) == 0, "the kernel has guard pages: we probed it");
      return;
    case GuardKind::kSplit:
      if (split_guards_left_ == 0) return;
      if (::mprotect(page, page_bytes_, PROT_NONE) == 0) --split_guards_left_;
      return;
    case GuardKind::kNone: return;
  }
}

}  // namespace sluice::internal
