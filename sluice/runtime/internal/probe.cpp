// SPDX-License-Identifier: MIT
//
// One question at a time goes through one place:
//   kNobody ──asker──▶ thread's id ──handler──▶ kAnswering ──handler──▶ kAnswered ──asker──▶ kNobody
// An asker whose patience ends takes the question back, from the thread's id to kNobody; if the handler was faster, its
// answer is a matter of microseconds.
#include <sluice/runtime/internal/probe.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {
namespace {

constexpr int kSignal = SIGURG;
constexpr std::uint32_t kNobody = 0;
constexpr std::uint32_t kAnswering = 1u << 31;  // no thread has such an id
constexpr std::uint32_t kAnswered = kAnswering + 1;

// Written as drawn above; a futex of the asker. kAnswered publishes `answer`.
std::atomic<std::uint32_t> question{kNobody};
ProbeAnswer answer;  // written by who has set kAnswering
WordLock asking;  // sysmon may ask about a hog while somebody dumps
struct sigaction previous_action;

Registers interrupted_registers(const void* context) noexcept {
  const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  auto word = [&](int which) { return static_cast<std::uintptr_t>(machine.gregs[which]); };
  return {word(REG_RIP), word(REG_RBP), word(REG_RSP)};
#elif defined(__aarch64__)
  return {machine.pc, machine.regs[29], machine.sp};
#endif
}

StackBounds bounds_of(const Fiber& fiber) noexcept {
  auto low = reinterpret_cast<std::uintptr_t>(fiber.stack_low);
  return {low, low + fiber.stack_bytes};
}

// The fiber on whose stack the thread is. Between the two ends of a switch that is not yet, or no longer, the current one.
const Fiber* fiber_on(const Machine& machine, std::uintptr_t stack_pointer) noexcept {
  for (const Fiber* fiber : {machine.fiber, machine.previous})
    if (fiber != nullptr && bounds_of(*fiber).holds_frame(stack_pointer)) return fiber;
  return nullptr;
}

void tell(const void* context) noexcept {
  answer = {};
  const Machine* machine = current_machine();
  Registers at = interrupted_registers(context);
  const Fiber* fiber = machine != nullptr ? fiber_on(*machine, at.stack) : nullptr;
  if (fiber == nullptr) return;
  answer.fiber_id = fiber->id.load(std::memory_order_relaxed);  // relaxed: it is our own
  answer.is_blocking = machine->processor == nullptr;
  StackBounds bounds = bounds_of(*fiber);
  bounds.low = at.stack;  // below it there is nothing
  answer.trace = walk_interrupted_stack(at, bounds);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  int error = errno;
  auto self = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  if (question.compare_exchange_strong(self, kAnswering)) {
    tell(context);
    question.store(kAnswered);
    futex_wake(question);
  } else if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
    previous_action.sa_sigaction(signal, info, context);
  } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(signal);
  }
  errno = error;
}

}  // namespace

void install_probe() noexcept {
  struct sigaction action {};
  action.sa_sigaction = &on_signal;
  // On the alternate stack: a fiber's own may have less left than the kernel needs to save the registers.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(kSignal, &action, &previous_action);
}

void remove_probe() noexcept { ::sigaction(kSignal, &previous_action, nullptr); }

std::optional<ProbeAnswer> probe_thread(pid_t thread_id, Duration patience) noexcept {
  std::lock_guard one_at_a_time(asking);
  auto asked = static_cast<std::uint32_t>(thread_id);
  question.store(asked);
  if (::syscall(SYS_tgkill, ::getpid(), thread_id, kSignal) != 0) {
    question.store(kNobody);
    return std::nullopt;
  }
  Instant until = system_clock().now() + patience;
  for (std::uint32_t seen = question.load(); seen != kAnswered; seen = question.load()) {
    Duration left = until - system_clock().now();
    // By exchange: the thread may begin to answer at this moment, and then we wait for it.
    if (seen == asked && left <= Duration::zero() && question.compare_exchange_strong(seen, kNobody)) return std::nullopt;
    futex_wait(question, seen, std::max(left, Duration(std::chrono::microseconds(100))));
  }
  ProbeAnswer got = answer;
  question.store(kNobody);
  return got;
}

}  // namespace sluice::internal
