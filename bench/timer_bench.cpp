// SPDX-License-Identifier: MIT
#include <algorithm>
#include <deque>
#include <numeric>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <bench/bare_fibers.hpp>
#include <bench/in_runtime.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kLive = 100'000;

Instant in_an_hour_or_less(std::uint32_t index) {
  return Deadline::after(runtime_clock(), 1min + scattered(index, 59min)).when();
}

// What a request's timeout costs by itself: a timer starts and stops while 100,000 others run, due before and after it;
// Go's `time.AfterFunc(d, f).Stop()`. We have no such function, since a user's timer is a Context or a select: so this
// takes the internal heap that both are made of, as they do.
void timer_start_stop(benchmark::State& state) {
  in_runtime(state, [&](Context&) {
    auto ignore = [](internal::Timer*) noexcept {};
    auto timers = [] -> internal::TimerWheel& { return internal::Scheduler::running().processor().timers; };
    std::deque<internal::Timer> live(kLive);
    std::uint32_t index = 0;
    for (internal::Timer& timer : live) {
      timer.fire = ignore;
      timers().add(timer, in_an_hour_or_less(index++));
    }
    for (auto _ : state) {
      internal::Timer timer;
      timer.fire = ignore;
      timers().add(timer, in_an_hour_or_less(index++));
      internal::TimerWheel::stop(timer);
    }
    for (internal::Timer& timer : live) internal::TimerWheel::stop(timer);
  });
}
BENCHMARK(timer_start_stop)->Apply(on_one_and_two_processors);

Duration length_of_sleep(std::uint32_t index) { return 10ms + scattered(index, 40ms); }

void sleep_batch(Context& ctx) {
  WaitGroup sleeping;
  sleeping.add(kLive);
  for (std::uint32_t i = 0; i < kLive; ++i)
    must_go([&sleeping, i](Context& own) {
      static_cast<void>(sleep(own, length_of_sleep(i)));  // the root context does not end here
      sleeping.done();
    });
  static_cast<void>(sleeping.wait(ctx));
}

// A fiber that starts, sleeps for 10 to 50 ms and ends, among 100,000 such. What counts is the processor time: the
// watch shows the sleeping too.
void sleepers_100000(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    sleep_batch(ctx);
    while (state.KeepRunningBatch(kLive)) sleep_batch(ctx);
  });
}
BENCHMARK(sleepers_100000)->Apply(on_one_and_two_processors);

// What of it is the memory's price. The lines of a fiber, block and stack, leave the caches between its phases, since tens of
// thousands of others have theirs meanwhile: it starts; its timer comes down from the slot of its millisecond; it wakes and
// ends. The next batch starts in the order in which this one has ended.
void touch_a_share(BareFibers& fibers, const std::vector<std::uint32_t>& by_end) {
  auto order = [&](std::size_t k) { return by_end[k]; };
  fibers.change(0, by_end.size(), order);
  const std::size_t per_slot = by_end.size() / 40;
  for (std::size_t first = 0; first < by_end.size(); first += per_slot) {
    std::size_t end = std::min(first + per_slot, by_end.size());
    fibers.change_wait_lines(first, end, order);
    fibers.change(first, end, order);
  }
}

// As many threads as processors, each with fibers of its own: so nobody waits for a line of the other's.
void bare_sleepers(benchmark::State& state) {
  const auto threads = static_cast<std::size_t>(state.range(0));
  const std::size_t share = kLive / threads;
  std::deque<BareFibers> fibers;
  for (std::size_t i = 0; i < threads; ++i) fibers.emplace_back(share).create();
  std::vector<std::uint32_t> by_end(share);
  std::iota(by_end.begin(), by_end.end(), 0);
  std::ranges::stable_sort(by_end, {}, length_of_sleep);
  while (state.KeepRunningBatch(kLive)) {
    std::vector<std::jthread> running;
    for (BareFibers& own : fibers) running.emplace_back([&] { touch_a_share(own, by_end); });
  }
}
BENCHMARK(bare_sleepers)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
