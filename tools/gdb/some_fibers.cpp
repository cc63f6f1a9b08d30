// SPDX-License-Identifier: MIT
//
// Fibers in every state, for sluice-gdb_test.py to look at: it stops the program in everything_is_in_place().
#include <atomic>
#include <chrono>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

extern "C" [[gnu::noinline]] void everything_is_in_place() { asm volatile("" ::: "memory"); }

namespace {

using sluice::Chan;
using sluice::Context;

[[gnu::noinline]] void wait_for_a_letter(Context& ctx, Chan<int>& letters) {
  static_cast<void>(letters.recv(ctx));
  asm volatile("" ::: "memory");  // no tail call
}
[[gnu::noinline]] void open_the_letter(Context& ctx, Chan<int>& letters) {
  wait_for_a_letter(ctx, letters);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void count_sheep(const std::atomic<bool>& enough) {
  while (!enough.load()) {}
}

}  // namespace

int main() {
  return sluice::run([](Context& ctx) -> sluice::Result<void> {
    Chan<int> letters;
    std::atomic<bool> enough{false}, counts{false};
    sluice::TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i) group.go([&](Context& own) { open_the_letter(own, letters); });
    group.go([&](Context& own) { static_cast<void>(sleep(own, std::chrono::hours(1))); });
    group.go([&](Context&) {
      counts = true;
      count_sheep(enough);
    });
    while (!counts) static_cast<void>(sleep(ctx, std::chrono::milliseconds(1)));
    group.go([&](Context& own) { wait_for_a_letter(own, letters); });  // new: there is no processor for it
    everything_is_in_place();
    enough = true;
    group.context().cancel();
    return group.wait();
  }, {.processors = 2});
}
