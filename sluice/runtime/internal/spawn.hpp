// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <source_location>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice {
class Context;
}

namespace sluice::internal {

struct Fiber;

/// A new fiber with room for a closure; not started.
struct NewFiber {
  Fiber* fiber;  ///< null: no stack to be had
  void* closure_memory;
};
[[nodiscard]] NewFiber make_fiber(std::size_t closure_bytes, std::size_t closure_align, Context* own,
                                  std::source_location where) noexcept;
/// `entry` runs the closure and destroys it.
void start_fiber(Fiber* fiber, void (*entry)(void* closure) noexcept) noexcept;

/// The context that ends with the runtime.
[[nodiscard]] Context& root_context() noexcept;
/// The current fiber no longer follows the context that it was started with, which may now die.
void forget_own_context() noexcept;

/// Far below the smallest stack: a closure that needs more belongs on the heap.
inline constexpr std::size_t kMaxClosureBytes = 4096;

/// Starts a fiber that runs fn(). kResourceExhausted: no stack.
template <class F>
Result<void> spawn(F fn, Context* own, std::source_location where) {
  static_assert(sizeof(F) <= kMaxClosureBytes, "capture less, or by reference");
  auto [fiber, memory] = make_fiber(sizeof(F), alignof(F), own, where);
  if (fiber == nullptr) return fail(Code::kResourceExhausted, "no stack for another fiber", where);
  ::new (memory) F(std::move(fn));
  start_fiber(fiber, [](void* closure) noexcept {
    F& function = *static_cast<F*>(closure);
    function();
    function.~F();
  });
  return {};
}

}  // namespace sluice::internal
