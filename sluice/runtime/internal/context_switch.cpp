// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/context_switch.hpp>

namespace sluice::internal {

void prepare_first_switch(Fiber& fiber) noexcept {
  auto top = reinterpret_cast<std::uintptr_t>(fiber.stack_low + fiber.stack_bytes) & ~std::uintptr_t{15};
  fiber.context = prepare_stack(reinterpret_cast<std::byte*>(top), fiber.stack_bytes);
#if defined(__SANITIZE_ADDRESS__)
  fiber.sanitizer_stack = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
  fiber.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void forget_switches([[maybe_unused]] Fiber& fiber) noexcept {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(fiber.sanitizer_fiber);
#endif
}

}  // namespace sluice::internal
