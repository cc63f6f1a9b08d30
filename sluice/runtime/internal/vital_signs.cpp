// SPDX-License-Identifier: MIT
//
// What can be seen of a scheduler from outside, while it runs.
#include <sluice/runtime/internal/vital_signs.hpp>

#include <algorithm>
#include <mutex>

#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {

// As the kernel numbers them.
std::vector<int> Scheduler::machine_threads() {
  std::vector<int> threads;
  std::lock_guard hold(machines_lock_);
  for (const Machine& machine : machines_)
    if (int id = machine.thread_id.load(); id != 0) threads.push_back(id);
  return threads;
}

Survey Scheduler::survey() { return survey_fibers(fibers_, machine_threads()); }

std::size_t Scheduler::queue_depth(std::size_t processor) const noexcept {
  if (processor == kGlobalQueue) return global_.size_approx();
  const Processor& p = processors_[processor];
  return p.queue.size_approx() + (p.next.load(std::memory_order_relaxed) != nullptr ? 1 : 0);  // relaxed: a number
}

VitalSigns Scheduler::vital_signs() const noexcept {
  VitalSigns signs;
  std::uint64_t ended = 0, returns = late_returns_.load();  // before what they are compared with
  std::uint64_t awake = 0, woken = 0;
  signs.runnable = queue_depth(kGlobalQueue);
  for (const Processor& p : processors_) {
    auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };  // relaxed: they publish nothing
    ended += read(p.fibers_ended);  // before `started`, so that there are never fewer than none
    woken += read(p.standbys_ended);  // likewise
    signs.standing_by += read(p.standbys_begun);
    signs.started += read(p.fibers_started);
    signs.steals += read(p.steals);
    signs.hand_offs += read(p.hand_offs);
    signs.hogs += read(p.hogs);
    if (p.is_relief) signs.relief_looks += read(p.loop_visits);
    returns += read(p.blocking_returns);
    signs.blocking_calls += read(p.blocking_calls);
    signs.runnable += queue_depth(p.id);
    awake += read(p.state) == Processor::State::kRunning ? 1 : 0;
    for (std::size_t i = 0; i < signs.latency.size(); ++i) signs.latency[i] += p.latency.count(i);
    signs.latency_sum_ns += p.latency.sum_ns();
  }
  signs.standing_by -= std::min(signs.standing_by, woken);
  // Read one after the other, so each is at most what is left: no number is ever below zero.
  std::uint64_t left = signs.started - std::min(signs.started, ended);
  signs.blocking = std::min(signs.blocking_calls - std::min(signs.blocking_calls, returns), left);
  left -= signs.blocking;
  signs.runnable = std::min(signs.runnable, left);
  left -= signs.runnable;
  signs.running = std::min(awake, left);
  signs.waiting = left - signs.running;
  return signs;
}

// All seq_cst. Forbidden: sysmon goes to sleep, and the wish stays. In their one order either its load of dump_wanted_ sees
// our store, or our load of sysmon_word_ sees that it sleeps.
void Scheduler::request_dump() noexcept {
  dump_wanted_.store(true);
  wake_sysmon();
}

}  // namespace sluice::internal
