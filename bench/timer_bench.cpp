// SPDX-License-Identifier: MIT
#include <deque>

#include <benchmark/benchmark.h>

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

void sleep_batch(Context& ctx) {
  WaitGroup sleeping;
  sleeping.add(kLive);
  for (std::uint32_t i = 0; i < kLive; ++i)
    must_go([&sleeping, i](Context& own) {
      static_cast<void>(sleep(own, 10ms + scattered(i, 40ms)));  // the root context does not end here
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

}  // namespace
}  // namespace sluice::bench
