// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <source_location>
#include <type_traits>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/park_reason.hpp>
#include <sluice/runtime/internal/wait_word.hpp>

namespace sluice::internal {

struct Fiber;

/// The exceptions that a fiber is handling: the Itanium C++ ABI keeps them per thread (`__cxa_eh_globals`), so they are
/// exchanged at every switch, or a fiber that parks inside a catch block would leave them to its successor.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;

  [[nodiscard]] bool is_empty() const noexcept { return caught == nullptr && uncaught == 0; }
};

/// A usable stretch of memory: [low, low + bytes); below it lies a guard.
struct Stack {
  std::byte* low = nullptr;
  std::size_t bytes = 0;
  bool is_guarded = false;  ///< false: what lies below can be written, and somebody has to look whether it was
};

/// The control block of a fiber. It lives in a slab with its like (fiber_pool.hpp) and gets a stack only when it runs for
/// the first time: ten thousand that have been started and wait for their turn cost a quarter of a kilobyte each, and run
/// one after the other on a stack that is still in the cache.
///
/// Who claims its wait puts the fiber into a run queue, at once, although the fiber may not have left its stack yet: who
/// takes it from there waits until `is_on_stack` is false. (As Linux does with a task's on_cpu.)
struct alignas(64) Fiber {
  static constexpr WaitWord::Token kContextEndedToken = WaitWord::kContextEnded;

  /// Somebody moves into a block that is all zeros, or in which the last one has ended. The wait word and the id are not
  /// written: who ends the root, or looks at all fibers, may do so at any moment, and finds that nobody waits here. Nor is
  /// what is written before it is read, which is the rest.
  void begin_life(Context* own, std::source_location where) noexcept {
    auto reset = [](auto& atomic) { atomic.store({}, std::memory_order_relaxed); };  // relaxed: published with the fiber
    context = nullptr;
    reset(is_on_stack);
    reset(reason);
    carries_exceptions = is_timed = false;
    reset(has_stack);
    reset(keeps_its_turn);
    follows_own_by = 0;
    closure = closure_memory;
    own_context = own;
    stack_low = nullptr;
    started_at = where;
  }

  /// As WaitWord::claim.
  [[nodiscard]] bool claim(WaitWord::Token token, WaitWord::Token follows = 0) noexcept {
    return wait_word.claim(token, follows);
  }

  void* context = nullptr;  // the stack pointer, with the registers above it, while not running
  Fiber* next = nullptr;    // in a chain of those that are about to be made ready
  // Set by who runs it, reset by who runs next on that thread; publishes the saved registers.
  std::atomic<bool> is_on_stack{false};
  // What a dump shows. Written by this fiber, read at any time by others; publishes nothing.
  std::atomic<ParkReason> reason{ParkReason::kNone};
  bool carries_exceptions = false;  // `exceptions` holds some while it does not run
  // Written by who runs it first, under no lock; read by others as a hint.
  std::atomic<bool> has_stack{false};
  // It was started by an event, and is as one that was woken: first come, first served. Written before it is made ready;
  // read by others as a hint.
  std::atomic<bool> keeps_its_turn{false};
  // How its waits follow its own context: 0 before it has joined that one, see park.cpp. Written by this fiber.
  std::uint8_t follows_own_by = 0;
  bool is_timed = false;  // when it was made ready stands in since_ns, to be compared when it runs
  void (*entry)(void* closure) noexcept = nullptr;
  void* closure = nullptr;
  Context* own_context = nullptr;  // the one it was started with
  std::byte* stack_low = nullptr;

  struct Membership final : Cancellable {
    Fiber* subscriber = nullptr;  // this fiber. The list's own links change under its lock
  };
  Membership membership;  // in own_context from the first wait that follows it, but for the root
  ExceptionState exceptions;
  // Counts from 1 in each processor, with the processor's number below; 0: this block is nobody's. Read by dumps.
  std::atomic<std::uint64_t> id{0};
  std::atomic<std::int64_t> since_ns{0};  // about when it was started or last began to wait; read by dumps

  std::source_location started_at;
  std::uint64_t* canary = nullptr;  // below a stack without guard, see overflow.hpp; null: it has one
  std::size_t stack_bytes = 0;      // usable
  void* sanitizer_stack = nullptr;  // ASan's fake stack while not running
  void* sanitizer_fiber = nullptr;  // TSan's idea of this fiber

  // Room for what most closures need; others begin at the top of their stack.
  static constexpr std::size_t kClosureBytes = 80;
  static constexpr std::size_t kClosureAlign = 16;
  alignas(kClosureAlign) std::byte closure_memory[kClosureBytes];

  /// A place in somebody's list for the length of one wait of this fiber, which waits for one thing at a time: here whoever
  /// wakes a million finds them side by side, and need not touch their stacks. It shares its cache line with the word by which
  /// the wait is claimed.
  template <class T, class... Args>
  T& emplace_wait(Args... args) noexcept {
    static_assert(sizeof(T) <= sizeof(wait_memory) && std::is_trivially_destructible_v<T>);
    return *::new (wait_memory) T(args...);
  }

  /// The fiber whose place that is.
  static Fiber& that_waits_at(void* place) noexcept {
    constexpr std::size_t kAt = sizeof(Fiber) - sizeof(wait_memory) - sizeof(wait_word);
    return *reinterpret_cast<Fiber*>(static_cast<std::byte*>(place) - kAt);
  }

  // The last cache line, and nothing else in it.
 private:
  alignas(64) std::byte wait_memory[56];

 public:
  WaitWord wait_word;
};
static_assert(sizeof(Fiber) == 320, "five cache lines: three for the runtime, one for the closure, one for a wait");

}  // namespace sluice::internal
