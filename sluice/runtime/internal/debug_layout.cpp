// SPDX-License-Identifier: MIT
//
// What tools/gdb/sluice-gdb.py needs to know to find fibers in a process or a core file, in a table of its own: so it works
// without debug information, and never calls into the program. A change here is a change there; kVersion says which.
//
// The script itself is a section of every program that uses the runtime (gdb's manual, "dotdebug_gdb_scripts section"), so
// that script and program are always of one version. It takes no memory, for it is not loaded, and `strip` removes it.
#include <array>
#include <cstddef>
#include <cstdint>

#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/fiber_pool.hpp>
#include <sluice/runtime/internal/park_reason.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>

#if defined(SLUICE_GDB_SCRIPT)
// 4: a Python script with a name in its first line. (@ is a comment in ARM's assembler.)
asm(".pushsection .debug_gdb_scripts, \"MS\", %progbits, 1\n"
    ".byte 4\n"
    ".ascii \"sluice-gdb.py\\n\"\n"
    ".incbin \"" SLUICE_GDB_SCRIPT "\"\n"
    ".byte 0\n"
    ".popsection\n");
#endif

namespace sluice::internal {
namespace {

constexpr std::uint64_t kVersion = 1;

constexpr std::size_t count_reasons() noexcept {
  std::size_t count = 0;
  while (to_string(static_cast<ParkReason>(count)) != "unknown") ++count;
  return count;
}

// Their texts are literals, so they end with a zero.
constexpr auto kReasons = [] {
  std::array<const char*, count_reasons()> texts{};
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = to_string(static_cast<ParkReason>(i)).data();
  return texts;
}();

}  // namespace

/// All words are eight bytes; offsets are in bytes.
struct DebugLayout {
  std::uint64_t version = kVersion;
  const void* running_scheduler = &Scheduler::running_;  // address of a pointer
  const char* const* reasons = kReasons.data();
  std::uint64_t reason_count = kReasons.size();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"  // none of these has a virtual base, and GCC supports the rest
  std::uint64_t slabs = offsetof(Scheduler, fibers_) + offsetof(FiberPool, slabs_);
  std::uint64_t slab_count = offsetof(Scheduler, fibers_) + offsetof(FiberPool, slab_count_);
  std::uint64_t fibers_per_slab = FiberPool::kFibersPerSlab;
  std::uint64_t fiber_bytes = sizeof(Fiber);
  std::uint64_t fiber_id = offsetof(Fiber, id);
  std::uint64_t fiber_context = offsetof(Fiber, context);
  std::uint64_t fiber_wait_word = offsetof(Fiber, wait_word);
  std::uint64_t fiber_is_on_stack = offsetof(Fiber, is_on_stack);
  std::uint64_t fiber_reason = offsetof(Fiber, reason);
  std::uint64_t fiber_since_ns = offsetof(Fiber, since_ns);
  std::uint64_t fiber_started_at = offsetof(Fiber, started_at);  // a pointer to: file, function, 32 bits of line
  std::uint64_t fiber_stack_low = offsetof(Fiber, stack_low);
  std::uint64_t fiber_stack_bytes = offsetof(Fiber, stack_bytes);
#pragma GCC diagnostic pop
  std::uint64_t waiting_bit = WaitWord::kWaiting;
  std::uint64_t saved_pc = SavedAt::kPc;
  std::uint64_t saved_frame = SavedAt::kFrame;
  std::uint64_t saved_end = SavedAt::kEnd;
};
static_assert(sizeof(std::source_location) == sizeof(void*), "as GCC and Clang have it");

extern "C" [[gnu::used]] const DebugLayout sluice_fiber_layout{};

}  // namespace sluice::internal
