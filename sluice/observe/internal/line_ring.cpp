// SPDX-License-Identifier: MIT
// The ring is an array of 8-byte words. A record is a header word and its line, padded to whole words; it may wrap:
//
//        released_                                     claimed_
//            v                                             v
//   0 0 0 0  [H|line......] [H|line..] [0|half-written...]  0 0 0 0 0
//            ^ complete     ^ complete ^ claimed, header still zero
//
// Invariant: what is not claimed is zero. So the popper needs to look at nothing but the header at released_: as long
// as its writer has not finished, or nobody has claimed the place, it reads zero. It clears what it has taken before it
// gives the room back.
// Rejected: slots of equal size (lines differ by a factor of twenty); a string per line (malloc twice a record, freed
// on another thread); a ring per processor (order between them lost, memory multiplied).
#include <sluice/observe/internal/line_ring.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

#include <sluice/base/assert.hpp>

namespace sluice::observe::internal {
namespace {

constexpr std::size_t kHeaderBytes = sizeof(std::uint64_t);
// Header of a complete record: this bit, then the line's size, then the tag in the lowest byte.
constexpr std::uint64_t kComplete = std::uint64_t{1} << 63;
constexpr int kTagBits = 8;

std::size_t room_for(std::size_t line_bytes) noexcept {
  return kHeaderBytes + (line_bytes + kHeaderBytes - 1) / kHeaderBytes * kHeaderBytes;
}

}  // namespace

LineRing::LineRing(std::size_t bytes)
    : bytes_(bytes), words_(std::make_unique<std::uint64_t[]>(bytes / sizeof(std::uint64_t))) {
  SLUICE_ASSERT(std::has_single_bit(bytes) && bytes >= 2 * kHeaderBytes, "positions are masked, headers never wrap");
}

bool LineRing::push(std::uint8_t tag, std::string_view line) noexcept {
  std::size_t room = room_for(line.size());
  std::uint64_t at = claimed_.load(std::memory_order_relaxed);  // relaxed: a guess that the exchange below checks
  for (;;) {
    // acquire: pairs with the release in pop; room given back up to here was read out and cleared before we write it.
    std::uint64_t released = released_.load(std::memory_order_acquire);
    // Signed: a stale `at` may lie behind `released`. That is not "full"; the exchange fails and brings the true value.
    if (static_cast<std::int64_t>(at + room - released) > static_cast<std::int64_t>(bytes_)) return false;
    // relaxed: claims are disjoint, so writers need to see nothing of each other.
    if (claimed_.compare_exchange_weak(at, at + room, std::memory_order_relaxed)) break;
  }
  for_stretches(at + kHeaderBytes, line.size(), [&](char* place, std::size_t from, std::size_t count) {
    std::memcpy(place, line.data() + from, count);
  });
  // release: pairs with the acquire in pop; who sees the header sees the line.
  header_at(at).store(kComplete | line.size() << kTagBits | tag, std::memory_order_release);
  return true;
}

bool LineRing::pop(std::uint8_t& tag, std::string& line) {
  std::uint64_t at = released_.load(std::memory_order_relaxed);  // relaxed: only we write it
  // acquire: pairs with the release in push.
  std::uint64_t header = header_at(at).load(std::memory_order_acquire);
  if (header == 0) return false;
  tag = static_cast<std::uint8_t>(header);
  line.resize((header & ~kComplete) >> kTagBits);
  for_stretches(at + kHeaderBytes, line.size(), [&](char* place, std::size_t from, std::size_t count) {
    std::memcpy(line.data() + from, place, count);
  });
  std::size_t room = room_for(line.size());
  for_stretches(at, room, [](char* place, std::size_t, std::size_t count) { std::memset(place, 0, count); });
  // release: pairs with the acquire in push; whoever claims this room writes after we have read and cleared it.
  released_.store(at + room, std::memory_order_release);
  return true;
}

std::atomic_ref<std::uint64_t> LineRing::header_at(std::uint64_t position) noexcept {
  return std::atomic_ref(words_[(position & (bytes_ - 1)) / sizeof(std::uint64_t)]);
}

template <class Each>
void LineRing::for_stretches(std::uint64_t position, std::size_t bytes, Each each) {
  char* memory = reinterpret_cast<char*>(words_.get());
  std::size_t start = position & (bytes_ - 1);
  std::size_t before_wrap = std::min(bytes, bytes_ - start);
  each(memory + start, 0, before_wrap);
  if (before_wrap < bytes) each(memory, before_wrap, bytes - before_wrap);
}

}  // namespace sluice::observe::internal
