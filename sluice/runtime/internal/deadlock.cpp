// SPDX-License-Identifier: MIT
//
// "All fibers are asleep": said only when it is certain, for the program ends of it. Sysmon looks when it is about to sleep
// itself, because every processor does; whoever wakes afterwards tells sysmon (count_awake), so what was seen in between was
// one moment. A fiber that nobody of us will wake may still be woken by
//   · a timer                                  → none is set
//   · the kernel, through a poller             → no fiber waits for input or to write, and nothing stands by for input
//   · a call inside blocking() that returns    → there is none
//   · a thread that is not ours (try_send, Context::cancel) → the process has no thread but ours
// Go, too, is silent in a program with foreign threads (cgo). A program that waits for a signal is never deadlocked: it waits
// for input, from a signalfd.
#include <sluice/runtime/internal/scheduler.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include <dirent.h>
#include <unistd.h>

#include <sluice/runtime/dump.hpp>
#include <sluice/runtime/internal/dump_signal.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>

namespace sluice::internal {
namespace {

// Of the process; empty if the system does not tell.
std::vector<int> all_threads() {
  std::vector<int> threads;
  DIR* folder = ::opendir("/proc/self/task");
  if (folder == nullptr) return threads;
  while (const dirent* entry = ::readdir(folder))
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) threads.push_back(std::atoi(entry->d_name));
  ::closedir(folder);
  return threads;
}

// The kernel may end this wait.
bool waits_for_kernel(ParkReason reason) noexcept {
  return reason == ParkReason::kReadable || reason == ParkReason::kWritable;
}

}  // namespace

// Requires: by sysmon, with all processors asleep.
bool Scheduler::is_deadlocked() {
  auto has_timer = [](const Processor& p) { return p.timers.next_approx() != Instant::max(); };
  if (std::ranges::any_of(processors_, has_timer)) return false;
  // In this order: who comes back from blocking() is in the global queue before it is counted.
  VitalSigns signs = vital_signs();
  if (signs.blocking > 0 || signs.standing_by > 0 || global_.size() > 0) return false;
  bool is_hope = false;
  fibers_.for_each([&](const Fiber& fiber) {
    bool waits = (peek(&fiber.wait_word) & WaitWord::kWaiting) != 0;
    is_hope |= !waits || waits_for_kernel(static_cast<ParkReason>(peek_byte(&fiber.reason)));
  });
  if (is_hope) return false;
  std::vector<int> ours = machine_threads(), all = all_threads();
  ours.push_back(::gettid());
  auto is_ours = [&](int thread) { return std::ranges::find(ours, thread) != ours.end(); };
  return !all.empty() && std::ranges::all_of(all, is_ours);
}

void Scheduler::end_if_deadlocked() {
  if (!options_.ends_when_deadlocked || !is_deadlocked() || sysmon_word_.load() != kSysmonSleeps) return;
  write_to_stderr("all fibers are asleep: deadlock\n\n" + dump_fibers());
  std::abort();
}

}  // namespace sluice::internal
