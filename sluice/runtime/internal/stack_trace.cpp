// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/stack_trace.hpp>

// Where the linker put our code. Weak: not every linker has them.
extern "C" [[gnu::weak]] const char __executable_start;
extern "C" [[gnu::weak]] const char etext;

namespace sluice::internal {
namespace {

constexpr std::size_t kFrameAlign = 16;             // of a frame pointer, as both ABIs align the stack
constexpr std::uintptr_t kScannedBytes = 4096;      // the frames of a system call's wrappers are far smaller

bool is_our_code(std::uintptr_t pc) noexcept {
  return pc >= reinterpret_cast<std::uintptr_t>(&__executable_start) && pc < reinterpret_cast<std::uintptr_t>(&etext);
}

std::uintptr_t peek_at(std::uintptr_t address) noexcept { return peek(reinterpret_cast<const void*>(address)); }

void follow(StackTrace& trace, std::uintptr_t frame, StackBounds bounds) noexcept {
  while (bounds.holds_frame(frame) && !trace.goes_on) {
    std::uintptr_t caller = peek_at(frame);
    std::uintptr_t pc = peek_at(frame + sizeof(std::uintptr_t));
    if (pc == 0) return;  // prepare_stack: no frame lies above
    trace.add(pc);
    if (caller <= frame) return;  // frames lie one above the other
    frame = caller;
  }
}

// In a library, whose frames we cannot follow: the first word that points into our code is where it returns to. The caller's
// frame pointer is still in its register, or was saved by the library below that word.
Registers caller_of_library(const Registers& in_library, StackBounds bounds) noexcept {
  std::uintptr_t end = bounds.high - in_library.stack > kScannedBytes ? in_library.stack + kScannedBytes : bounds.high;
  std::uintptr_t saved_frame = 0;
  for (std::uintptr_t at = in_library.stack; at + sizeof at <= end; at += sizeof at) {
    std::uintptr_t word = peek_at(at);
    bool is_frame = word > at && word % kFrameAlign == 0 && bounds.holds_frame(word);
    if (is_frame && saved_frame == 0) saved_frame = word;
    if (!is_our_code(word)) continue;
    bool is_kept = in_library.frame > at && in_library.frame % kFrameAlign == 0 && bounds.holds_frame(in_library.frame);
    return {word, is_kept ? in_library.frame : saved_frame, at};
  }
  return {};
}

}  // namespace

// What it reads may be changing, or lie in a part of a stack that ASan has closed: that is what it is for.
[[gnu::noinline, gnu::no_sanitize("address", "thread", "undefined")]] std::uintptr_t peek(const void* word) noexcept {
  using Word [[gnu::may_alias]] = const std::uintptr_t;
  return __atomic_load_n(static_cast<Word*>(word), __ATOMIC_ACQUIRE);
}

[[gnu::noinline, gnu::no_sanitize("address", "thread", "undefined")]] std::uint8_t peek_byte(const void* byte) noexcept {
  return __atomic_load_n(static_cast<const std::uint8_t*>(byte), __ATOMIC_ACQUIRE);
}

Registers saved_registers(std::uintptr_t context, StackBounds bounds) noexcept {
  bool fits = context >= bounds.low && context < bounds.high && bounds.high - context >= SavedAt::kEnd;
  if (!fits || context % sizeof(std::uintptr_t) != 0) return {};
  return {peek_at(context + SavedAt::kPc), peek_at(context + SavedAt::kFrame), context + SavedAt::kEnd};
}

StackTrace walk_stack(const Registers& from, StackBounds bounds) noexcept {
  StackTrace trace;
  if (from.pc == 0) return trace;
  trace.add(from.pc);
  follow(trace, from.frame, bounds);
  return trace;
}

StackTrace walk_interrupted_stack(const Registers& from, StackBounds bounds) noexcept {
  StackTrace trace;
  trace.is_exact = true;
  trace.add(from.pc);
  Registers caller{0, from.frame, 0};
  if (!is_our_code(from.pc) && bounds.holds_frame(from.stack)) caller = caller_of_library(from, bounds);
  if (caller.pc != 0) trace.add(caller.pc);
  follow(trace, caller.frame, bounds);
  return trace;
}

}  // namespace sluice::internal
