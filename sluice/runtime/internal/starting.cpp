// SPDX-License-Identifier: MIT
//
// A scheduler's beginning and end: its threads, its first fiber, and what it hooks into the process.
#include <sluice/runtime/internal/scheduler.hpp>

#include <mutex>
#include <random>
#include <string>
#include <system_error>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/asymmetric_fence.hpp>
#include <sluice/runtime/internal/cpu_quota.hpp>
#include <sluice/runtime/internal/dump_signal.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/overflow.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/probe.hpp>

namespace sluice::internal {

extern "C" const struct DebugLayout sluice_fiber_layout;  // debug_layout.cpp

namespace {

constexpr const char* kThreadLimits = " (limits: ulimit -u and -v, pids.max of the cgroup)";

std::size_t count_processors(const RuntimeOptions& options) noexcept {
  return options.processors ? options.processors : usable_processors();
}

// One for each that may be hogged, and one more; none where a test decides what happens when.
std::size_t count_reliefs(const RuntimeOptions& options) noexcept {
  return options.clock ? 0 : count_processors(options) + 1;
}

}  // namespace

std::atomic<Scheduler*> Scheduler::running_{nullptr};

Scheduler::Scheduler(const RuntimeOptions& options)
    : options_(options),
      clock_(options.clock ? static_cast<Clock&>(*options.clock) : system_clock()),
      root_(new Context),
      stacks_(options.stack_bytes, StackPool::best_guard(),
              (count_processors(options) - 1) * Processor::kStacksKept),
      regular_count_(count_processors(options)),
      processors_(regular_count_ + count_reliefs(options)) {
  SLUICE_ASSERT(options.blocking_calls_max > 0, "at least one call may block");
  SLUICE_ASSERT(options.clock == nullptr || regular_count_ == 1, "a test's clock needs exactly one processor");
  SLUICE_ASSERT(options.clock != nullptr || !options.any_order, "any order goes with a test's clock");
  std::uint64_t seed = options.seed ? options.seed : std::random_device()();
  for (std::size_t i = 0; i < processors_.size(); ++i) {
    processors_[i].id = i;
    processors_[i].timers.belong_to(processors_[i]);
    processors_[i].is_relief = i >= regular_count_;
    if (processors_[i].is_relief) processors_[i].state.store(Processor::State::kUnused);
    processors_[i].coarse_now_ns = system_clock().now().time_since_epoch().count();  // nobody has begun to wait before
    processors_[i].random = seed + i * kRandomStep;
    if (options.any_order) processors_[i].next_streak = Processor::kAnyOrder;
  }
}

Scheduler::~Scheduler() {
  std::uint64_t started = 0, ended = 0;
  for (Processor& p : processors_) {
    started += p.fibers_started.load();
    ended += p.fibers_ended.load();
  }
  if (started == ended) delete root_;
}

struct Scheduler::Main {
  Scheduler& scheduler;
  std::function<void()> body;
};

Result<void> Scheduler::run(std::function<void()> main, std::source_location where) {
  // Never used: it draws debug_layout.cpp, and with it gdb's script, out of the library into every program, also past a
  // linker that drops what nobody refers to.
  asm volatile("" : : "r"(&sluice_fiber_layout));
  SLUICE_TRY(check_pollers());
  Scheduler* none = nullptr;
  SLUICE_ASSERT(running_.compare_exchange_strong(none, this), "one runtime at a time");
  AsymmetricFence::prepare();
  root_->subscribe(root_members_);
  install_overflow_handler(stacks_);
  install_probe();
  if (options_.dumps_on_sigquit) install_dump_signal();
  Machine& first = machines_.emplace_back();
  first.processor = &processors_[0];
  processors_[0].machine.store(&first);
  set_current_machine(&first);
  Main start{*this, std::move(main)};
  Result<void> started = start_threads();
  if (started) started = start_main(start, where);
  if (!started) stop();
  machine_main(first);

  if (sysmon_.joinable()) sysmon_.join();
  join_machines();
  remove_dump_signal();
  remove_probe();
  remove_overflow_handler();
  root_->unsubscribe(root_members_);
  running_.store(nullptr);
  wait_for_dump_signal();
  return started;
}

Result<void> Scheduler::check_pollers() const {
  for (const Processor& p : processors_) {
    if (auto opened = p.poller.opened(); !opened)
      return fail(std::move(opened).error().with("descriptors (ulimit -n) for " + std::to_string(regular_count_) +
                                                 " processors and " + std::to_string(processors_.size() - regular_count_) +
                                                 " reliefs"));
  }
  return {};
}

Result<void> Scheduler::start_threads() {
  for (std::size_t i = 1; i < regular_count_; ++i) {
    if (!hand_on(processors_[i]))
      return fail(Code::kResourceExhausted, "no thread for processor " + std::to_string(i + 1) + " of " +
                                                std::to_string(regular_count_) + kThreadLimits);
  }
  try {
    sysmon_ = std::thread([this] { sysmon_main(); });
  } catch (const std::system_error&) {
    return fail(Code::kResourceExhausted, std::string("no thread to look after the processors") + kThreadLimits);
  }
  return {};
}

Result<void> Scheduler::start_main(Main& main, std::source_location where) {
  Fiber* fiber = make_fiber(0, 1, root_, where);
  if (fiber == nullptr)
    return fail(Code::kResourceExhausted, "no memory or address space (ulimit -v) for the first fiber; how much it takes "
                                          "follows from RuntimeOptions::stack_bytes and processors");
  fiber->closure = &main;
  fiber->entry = [](void* closure) noexcept {
    Main& self = *static_cast<Main*>(closure);
    self.body();
    self.scheduler.stop();
  };
  make_ready(*fiber);
  return {};
}

void Scheduler::stop() noexcept {
  stopping_.store(true);
  for (Processor& p : processors_) p.poller.interrupt();
  {
    std::lock_guard hold(machines_lock_);
    for (Machine* spare = spares_; spare != nullptr; spare = spare->next_spare) {
      spare->wake.store(1);
      futex_wake(spare->wake);
    }
    spares_ = nullptr;
  }
  sysmon_word_.store(kSysmonStops);
  futex_wake(sysmon_word_);
}

void Scheduler::join_machines() noexcept {
  for (std::size_t i = 1;; ++i) {  // the first is the thread that called run()
    Machine* machine = nullptr;
    {
      std::lock_guard hold(machines_lock_);  // one that was about to be made when we stopped may still arrive
      if (i >= machines_.size()) return;
      machine = &machines_[i];
    }
    machine->thread.join();
  }
}

}  // namespace sluice::internal
