// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/stack_switch.hpp>

#include <new>

#if defined(__x86_64__) && !defined(SLUICE_BOOST_SWITCH)

namespace sluice::internal {

void* prepare_stack(std::byte* top, std::size_t) noexcept {
  struct Left {
    void (*go_on)() noexcept;
    void* rbp;     // null: no frame lies above
    void* caller;  // null: that is the end. Below it the stack is aligned as if it had called
  };
  return ::new (top - sizeof(Left)) Left{&sluice_fiber_entry, nullptr, nullptr};
}

}  // namespace sluice::internal

#else

#include <boost/context/detail/fcontext.hpp>

namespace sluice::internal {
namespace {

namespace fcontext = boost::context::detail;

// Boost hands the stack that was left to whoever arrives, who puts it where the one who left wants it.
void keep_left_stack(fcontext::transfer_t arrived) noexcept { *static_cast<void**>(arrived.data) = arrived.fctx; }

void enter(fcontext::transfer_t arrived) noexcept {
  keep_left_stack(arrived);
  sluice_fiber_entry();
}

}  // namespace

void switch_stack(void** from, void* to) noexcept { keep_left_stack(fcontext::jump_fcontext(to, from)); }

void* prepare_stack(std::byte* top, std::size_t bytes) noexcept { return fcontext::make_fcontext(top, bytes, &enter); }

}  // namespace sluice::internal

#endif
