// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/failure_report.hpp>

#include <cstdio>
#include <string>

#include <pthread.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/current.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/stack_text.hpp>
#include <sluice/runtime/internal/symbols.hpp>

namespace sluice::internal {
namespace {

constexpr std::size_t kFramesShown = 32;

const Fiber* fiber_here() noexcept {
  const Current* here = current();
  return here != nullptr ? here->fiber : nullptr;
}

StackBounds bounds_of_thread() noexcept {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {};
  void* low = nullptr;
  std::size_t bytes = 0;
  ::pthread_attr_getstack(&attributes, &low, &bytes);
  ::pthread_attr_destroy(&attributes);
  return {reinterpret_cast<std::uintptr_t>(low), reinterpret_cast<std::uintptr_t>(low) + bytes};
}

StackBounds bounds_of_stack(std::uintptr_t frame) noexcept {
  if (const Fiber* fiber = fiber_here()) {
    auto low = reinterpret_cast<std::uintptr_t>(fiber->stack_low);
    if (StackBounds bounds{low, low + fiber->stack_bytes}; bounds.holds_frame(frame)) return bounds;
  }
  return bounds_of_thread();
}

void report_here() noexcept { report_stack("this is done", this_fiber_id(), trace_here()); }

}  // namespace

void install_failure_report() noexcept { set_failure_report(&report_here); }

std::uint64_t this_fiber_id() noexcept {
  const Fiber* fiber = fiber_here();
  return fiber != nullptr ? fiber->id.load(std::memory_order_relaxed) : 0;  // relaxed: it is our own
}

[[gnu::noinline]] StackTrace trace_here() noexcept {
  auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  StackBounds bounds = bounds_of_stack(frame);
  if (!bounds.holds_frame(frame)) return {};
  bounds.low = frame;
  auto caller = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  return walk_stack({caller, peek(reinterpret_cast<const void*>(frame)), frame}, bounds);
}

void report_stack(const char* what, std::uint64_t fiber_id, const StackTrace& trace) noexcept {
  Symbols symbols;
  std::string text = std::string("  ") + what;
  text += fiber_id != 0 ? ", by fiber " + std::to_string(fiber_id) + ":\n" : ", outside of fibers:\n";
  append_stack(text, trace, symbols, kFramesShown);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void report_wait(const Fiber& fiber) noexcept {
  // acquire: pairs with the release of who has left its stack for it, and publishes what was saved there.
  if (fiber.is_on_stack.load(std::memory_order_acquire)) return;
  auto low = reinterpret_cast<std::uintptr_t>(fiber.stack_low);
  StackBounds bounds{low, low + fiber.stack_bytes};
  StackTrace trace = walk_stack(saved_registers(reinterpret_cast<std::uintptr_t>(fiber.context), bounds), bounds);
  report_stack("it waits", fiber.id.load(std::memory_order_relaxed), trace);  // relaxed: it does not change while it waits
}

}  // namespace sluice::internal
