// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/overflow.hpp>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/stack_pool.hpp>

namespace sluice::internal {
namespace {

constexpr std::uint64_t kCanary = 0x5ca1ab1e'0ddba11e;  // a number that nobody writes by chance

// Set while a runtime runs; read by the handler.
std::atomic<const StackPool*> guarded_stacks{nullptr};
struct sigaction previous_action;

// Only what is safe in a signal handler: no allocation, no stdio.
void say(std::string_view text) noexcept { [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, text.data(), text.size()); }
void say(std::size_t number) noexcept {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  say(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void name_the_culprit(const Fiber* fiber, std::size_t stack_bytes) noexcept {
  if (fiber != nullptr) {
    say("stack overflow: fiber ");
    say(static_cast<std::size_t>(fiber->id.load(std::memory_order_relaxed)));  // relaxed: it does not change while it lives
    say(", started at ");
    say(fiber->started_at.file_name());
    say(":");
    say(static_cast<std::size_t>(fiber->started_at.line()));
    say(",");
  } else {
    say("stack overflow: an unknown fiber");
  }
  say(" needs more than its ");
  say(stack_bytes / 1024);
  say(" KiB (RuntimeOptions::stack_bytes)\n");
}

[[maybe_unused]] void on_fault(int signal, siginfo_t* info, void*) {
  const StackPool* stacks = guarded_stacks.load();
  Stack stack = stacks ? stacks->stack_above_guard(info->si_addr) : Stack{};
  Machine* machine = current_machine();
  const Fiber* fiber = machine ? machine->fiber : nullptr;
  if (fiber != nullptr && fiber->stack_low != stack.low) fiber = nullptr;  // it strayed into somebody else's guard
  if (stack.bytes != 0) name_the_culprit(fiber, stack.bytes);
  // Once more with the handler that was there before us: it dumps the core, or tells its own story.
  ::sigaction(signal, &previous_action, nullptr);
}

}  // namespace

void install_overflow_handler([[maybe_unused]] const StackPool& stacks) noexcept {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  guarded_stacks.store(&stacks);
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGSEGV, &action, &previous_action);
#endif
}

void remove_overflow_handler() noexcept {
  if (guarded_stacks.exchange(nullptr) != nullptr) ::sigaction(SIGSEGV, &previous_action, nullptr);
}

void plant_canary(Fiber& fiber) noexcept {
  fiber.canary = ::new (fiber.stack_low - sizeof kCanary) std::uint64_t(kCanary);
}

void look_at_canary(const Fiber& fiber) noexcept {
  if (*fiber.canary == kCanary) return;
  name_the_culprit(&fiber, fiber.stack_bytes);
  std::abort();
}

SignalStack::SignalStack() noexcept
    : memory_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ == MAP_FAILED) return;  // then an overflow ends the process without a word
  [[maybe_unused]] stack_t stack{};
  stack.ss_sp = memory_;
  stack.ss_size = kBytes;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ::sigaltstack(&stack, &previous_);
#endif
}

SignalStack::~SignalStack() {
  if (memory_ == MAP_FAILED) return;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ::sigaltstack(&previous_, nullptr);  // the thread that called run() goes on, and may have had one
#endif
  ::munmap(memory_, kBytes);
}

}  // namespace sluice::internal
