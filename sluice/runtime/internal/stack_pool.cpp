// SPDX-License-Identifier: MIT
//
// A slab is one mapping:   | guard | stack ........ | guard | stack ........ | ...
// Stacks grow down into their guard. With light guards a slab stays one mapping, and neighbouring slabs merge.
//
// What fibers use most is the top of their stacks. Were those a power of two apart, they would all compete for the few
// places that a cache has for such addresses: of a thousand fibers that take turns, eight would fit into the second cache. So
// a stack has an odd number of pages, and begins up to a few lines further down than its neighbour ("page colouring").
//
// Rejected: a mapping per stack (ends near 32,000, and 6 to 9 µs each); shared or copied stacks (pointers into a stack
// are everywhere in C++).
#include <sluice/runtime/internal/stack_pool.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sluice::internal {
namespace {

constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL; Debian 12's headers do not have it yet
constexpr std::size_t kSplitGuardBudget = 16'000;  // half of the default vm.max_map_count, at two mappings each
// A function skips as much as its frame is large before it writes. What is compiled with -fstack-clash-protection, as sluice
// is, touches each page of it, so a single one would do; other code may have frames of up to this without slipping past.
// Four times as much takes 0.3 µs more for each new stack.
constexpr std::size_t kGuardBytes = std::size_t{16} * 1024;
constexpr std::size_t kStackBytesMax = std::size_t{1} << 48;  // more than there are addresses: the kernel refuses it
constexpr std::size_t kSampledAtOnce = 256;  // stacks, at a microsecond each
constexpr std::size_t kTrimBatch = 64;  // stacks out of the pool while their memory goes back; others find the rest
// A quarter of a page at most: what a small fiber needs still fits into the rest.
constexpr std::size_t kColours = 16;
constexpr std::size_t kColourBytes = 64;  // a cache line
constexpr std::size_t kPagePlaces = 32;   // that a page can have in a second cache of 1 MiB in 8 ways, a common one

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

StackPool::StackPool(std::size_t stack_bytes, GuardKind guard, std::size_t spare)
    : page_bytes_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      stack_bytes_(std::max(round_up(std::min(stack_bytes, kStackBytesMax), page_bytes_), 4 * page_bytes_) | page_bytes_),
      guard_bytes_(std::min(kGuardBytes, round_up(stack_bytes_ / 4, page_bytes_))),
      stacks_per_slab_(std::max<std::size_t>(kSlabBytes / stack_bytes_, 1)),
      guard_kind_(guard),
      spare_(spare),
      split_guards_left_(kSplitGuardBudget),
      slabs_(kMaxSlabs) {}

StackPool::~StackPool() {
#if defined(__SANITIZE_ADDRESS__)
  // Or whoever maps these addresses next gets them with the marks of frames that never returned.
  for (std::size_t i = 0; i < slab_count_.load(); ++i)
    __asan_unpoison_memory_region(slabs_[i].load(), stacks_per_slab_ * stack_bytes_);
#endif
  for (std::size_t i = 0; i < slab_count_.load(); ++i) ::munmap(slabs_[i].load(), stacks_per_slab_ * stack_bytes_);
}

// A processor may be out of stacks while others keep idle ones, so there are always that many more than were promised.
std::size_t StackPool::reserve(std::size_t wanted) {
  std::lock_guard hold(lock_);
  std::size_t needed = reserved_ + spare_ + wanted;
  while (capacity_unlocked() < needed && add_slab()) {}
  std::size_t missing = needed - std::min(needed, capacity_unlocked());
  std::size_t granted = wanted - std::min(wanted, missing);
  reserved_ += granted;
  return granted;
}

void StackPool::release(std::size_t count) {
  std::lock_guard hold(lock_);
  reserved_ -= count;
}

std::size_t StackPool::capacity_unlocked() const noexcept {
  return slab_count_.load(std::memory_order_relaxed) * stacks_per_slab_;  // relaxed: written under lock_, which we hold
}

void StackPool::take_some(std::vector<Stack>& to, std::size_t wanted) {
  std::lock_guard hold(lock_);
  for (; wanted > 0; --wanted) {
    if (!warm_.empty()) {
      to.push_back(warm_.back());
      warm_.pop_back();
      least_warm_ = std::min(least_warm_, warm_.size());
    } else if (!cold_.empty()) {
      to.push_back(cold_.back());
      cold_.pop_back();
    } else if (Stack fresh = carve(); fresh.bytes != 0) {
      to.push_back(fresh);
    } else {
      return;
    }
  }
}

void StackPool::put_some(std::vector<Stack>& from, std::size_t count) {
  std::lock_guard hold(lock_);
  warm_.insert(warm_.end(), from.end() - static_cast<std::ptrdiff_t>(count), from.end());
  from.resize(from.size() - count);
}

void StackPool::trim() {
  for (;;) {
    std::vector<Stack> idle = take_idle(kTrimBatch);
    for (const Stack& stack : idle) ::madvise(stack.low, stack.bytes, MADV_DONTNEED);
    std::lock_guard hold(lock_);
    cold_.insert(cold_.end(), idle.begin(), idle.end());
    if (idle.size() == kTrimBatch) continue;
    least_warm_ = warm_.size();
    return;
  }
}

// The warm ones are used from the back, so the first least_warm_ of them have not been touched.
std::vector<Stack> StackPool::take_idle(std::size_t wanted) {
  std::lock_guard hold(lock_);
  std::size_t surplus = least_warm_ - std::min(least_warm_, kWarmStacks);
  std::size_t count = std::min(wanted, surplus);
  auto end = warm_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Stack> idle(warm_.begin(), end);
  warm_.erase(warm_.begin(), end);
  least_warm_ -= count;
  return idle;
}

std::size_t StackPool::warm_count() const {
  std::lock_guard hold(lock_);
  return warm_.size();
}

// Round after round over all stacks, whoever has them: what the kernel says of a page needs nobody to stand still.
void StackPool::sample_use() noexcept {
  std::size_t count = carved_.load(std::memory_order_relaxed);  // relaxed: a slab that we do not see yet is null
  pages_in_memory_.resize(unguarded_bytes() / page_bytes_);
  for (std::size_t i = 0; i < std::min(kSampledAtOnce, count); ++i) {
    std::size_t stack = sampled_next_++;
    // acquire: pairs with the release in add_slab.
    std::byte* slab = slabs_[stack / stacks_per_slab_].load(std::memory_order_acquire);
    std::byte* low = slab + stack % stacks_per_slab_ * stack_bytes_ + guard_bytes_;
    if (slab != nullptr && ::mincore(low, unguarded_bytes(), pages_in_memory_.data()) == 0) note_sample();
    if (sampled_next_ >= count) sampled_next_ = 0;
    if (++stacks_this_round_ < count) continue;
    publish_average();
    pages_this_round_ = stacks_this_round_ = 0;
    has_seen_all_ = true;
  }
  if (!has_seen_all_ && stacks_this_round_ > 0) publish_average();  // better than nothing
}

void StackPool::publish_average() noexcept {
  // relaxed: see the member
  resident_bytes_each_.store(pages_this_round_ * page_bytes_ / stacks_this_round_, std::memory_order_relaxed);
}

// The stack's lowest page that is in memory says how deep it has been.
void StackPool::note_sample() noexcept {
  auto is_in_memory = [](unsigned char page) { return (page & 1) != 0; };
  pages_this_round_ += static_cast<std::size_t>(std::ranges::count_if(pages_in_memory_, is_in_memory));
  auto lowest = std::ranges::find_if(pages_in_memory_, is_in_memory);
  std::size_t used = static_cast<std::size_t>(pages_in_memory_.end() - lowest) * page_bytes_;
  // relaxed, both: only we write it
  if (used > high_water_bytes_.load(std::memory_order_relaxed)) high_water_bytes_.store(used, std::memory_order_relaxed);
}

StackPool::Use StackPool::use() const noexcept {
  auto read = [](const auto& number) { return number.load(std::memory_order_relaxed); };  // relaxed: they publish nothing
  return {.reserved_bytes = read(slab_count_) * stacks_per_slab_ * stack_bytes_,
          .resident_bytes = read(resident_bytes_each_) * read(carved_),
          .high_water_bytes = read(high_water_bytes_)};
}

Stack StackPool::stack_above_guard(const void* address) const noexcept {
  auto* at = static_cast<const std::byte*>(address);
  // acquire: pairs with the release in add_slab; the entries below the count are written.
  std::size_t count = slab_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* slab = slabs_[i].load(std::memory_order_relaxed);  // relaxed: published by the count
    if (at < slab || at >= slab + stacks_per_slab_ * stack_bytes_) continue;
    std::size_t offset = static_cast<std::size_t>(at - slab) / stack_bytes_ * stack_bytes_;
    if (at >= slab + offset + guard_bytes_) return {};
    return stack_at(slab + offset + guard_bytes_, true);
  }
  return {};
}

// Neighbours differ in both terms; the second one keeps those apart whose pages have the same place in a cache.
Stack StackPool::stack_at(std::byte* low, bool is_guarded) const noexcept {
  std::size_t page = reinterpret_cast<std::uintptr_t>(low) / page_bytes_;
  std::size_t colour = (page + page / kPagePlaces) % kColours;
  return {low, unguarded_bytes() - colour * kColourBytes, is_guarded};
}

// Nothing: all have left.
Stack StackPool::carve() {
  std::size_t carved = carved_.load(std::memory_order_relaxed);  // relaxed: written under lock_, which we hold
  if (carved == capacity_unlocked()) return {};
  std::byte* slab = slabs_[carved / stacks_per_slab_].load(std::memory_order_relaxed);  // relaxed: as in capacity_unlocked
  std::byte* low = slab + carved % stacks_per_slab_ * stack_bytes_;
  carved_.store(carved + 1, std::memory_order_relaxed);  // relaxed: as above
  return stack_at(low + guard_bytes_, guard(low));
}

bool StackPool::add_slab() {
  std::size_t count = slab_count_.load(std::memory_order_relaxed);  // relaxed: written under lock_, which we hold
  if (count == kMaxSlabs) return false;
  std::size_t bytes = stacks_per_slab_ * stack_bytes_;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);  // one touched page must not cost two megabytes
  slabs_[count].store(static_cast<std::byte*>(memory), std::memory_order_relaxed);  // relaxed: published by the count
  // release: pairs with the acquire in stack_above_guard.
  slab_count_.store(count + 1, std::memory_order_release);
  return true;
}

bool StackPool::guard(std::byte* low) noexcept {
  if (guard_kind_ == GuardKind::kLight) return ::madvise(low, guard_bytes_, kGuardInstall) == 0;
  if (guard_kind_ == GuardKind::kNone || split_guards_left_ == 0) return false;
  if (::mprotect(low, guard_bytes_, PROT_NONE) != 0) return false;
  --split_guards_left_;
  return true;
}

}  // namespace sluice::internal
