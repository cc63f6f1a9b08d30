// SPDX-License-Identifier: MIT
#include <sluice/service/program.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include <malloc.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sluice/observe/log.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/runtime/wait_group.hpp>
#include <sluice/service/hog_log.hpp>

namespace sluice::service {
namespace {

sigset_t stop_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// 0: there was a signal. Otherwise errno, read here and never inlined: the caller parks, and may go on on another thread.
[[gnu::noinline]] int take_signal(int fd) noexcept {
  signalfd_siginfo info;
  return ::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info) ? 0 : errno;
}

// Parks until one of the stop signals comes.
Result<void> wait_for_signal(Context& ctx, Pollable& signals) {
  for (;;) {
    int error = take_signal(signals.fd());
    if (error == 0) return {};
    if (error != EAGAIN && error != EINTR) return fail(errno_error(error, "signalfd"));
    SLUICE_TRY(signals.wait_readable(ctx));
  }
}

[[noreturn]] void end_at_once(const char* why) noexcept {
  std::fprintf(stderr, "%s\n", why);
  std::_Exit(1);
}

// Cancels `stop` at the first signal; ends the process at the second one, or when the time is up.
void watch_signals(Context& ctx, Pollable& signals, Context& stop, Duration stop_time) {
  if (!wait_for_signal(ctx, signals)) return;
  stop.cancel(Error(Code::kCancelled, "a signal asked the program to stop"));
  Context last{ctx, stop_time};
  auto second = wait_for_signal(last, signals);
  if (second) end_at_once("stopped by a second signal; what was acknowledged is safe in the journal");
  if (second.error().code() == Code::kDeadlineExceeded) end_at_once("stopping took too long; ended");
}

// Two settings of glibc's allocator, so that memory goes back to the system after a flood and does not grow with each one.
// Each thread would get an arena of its own; but a fiber frees on whatever thread it runs, so what one arena is short of
// lies idle in another. Two are enough that the processors seldom meet:
// small blocks come from a cache of each thread, and wrk sees no difference to one arena or to many.
constexpr int kArenasMax = 2;
// What is larger is mapped, and unmapped when it is freed: large bodies. It is glibc's default, but unless it is set, the
// first large block that is freed raises it to that block's size, and the next ones stay in the arena for good.
constexpr int kMappedBytesMin = 128 * 1024;

void set_up_allocator() noexcept {
  static_cast<void>(::mallopt(M_ARENA_MAX, kArenasMax));  // a refusal costs memory, not correctness
  static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin));
}

}  // namespace

Result<void> Program::run(Context& ctx, Context& stop) {
  // Each part has a context of its own, so that they can be stopped one by one.
  struct Running {
    explicit Running(Context& parent) : group(parent) { begun.add(); }
    WaitGroup begun;  // fibers start in any order, parts in ours
    TaskGroup group;
  };
  Context any_ended{stop};  // with `stop`, or when a part returns by itself
  std::deque<Running> running;
  std::optional<Error> first_error;
  for (Named& named : parts_) {
    Running& part = running.emplace_back(ctx);
    part.group.go([&named, &any_ended, &part](Context& part_ctx) -> Result<void> {
      part.begun.done();
      Result<void> result = named.part(part_ctx);
      any_ended.cancel(Error(Code::kAborted, named.name + " has ended"));
      if (!result && !part_ctx.is_cancelled()) return fail(std::move(result).error().with(named.name));
      return {};
    });
    if (auto begun = part.begun.wait(part.group.context()); !begun) {  // no stack for it, or it has failed already
      any_ended.cancel(std::move(begun).error());
      break;
    }
  }
  static_cast<void>(sleep(any_ended, Duration::max()));  // its end is what we wait for
  log_.info("stopping", {{"reason", any_ended.check().error().detail()}});
  for (; !running.empty(); running.pop_back()) {
    running.back().group.context().cancel();
    auto ended = running.back().group.wait();
    if (!ended && !first_error) first_error = std::move(ended).error();
  }
  if (first_error) return fail(std::move(*first_error));
  return {};
}

int run_program(std::function<Result<void>(Context& ctx, Context& stop)> main, ProgramOptions options) {
  set_up_allocator();
  // Before any thread exists, so that all inherit it and the signals arrive at the descriptor alone.
  sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file size limit is a full disk: an error value too
  HogRelay hogs;
  if (!options.runtime.on_hog) options.runtime.on_hog = [&hogs](const Hog& hog) { hogs.tell(hog); };
  auto in_runtime = [&](Context& root) -> Result<void> {
    Context ctx{root};
    ctx.set(kHogRelay, &hogs);
    int fd = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) return fail(errno_error(errno, "signalfd"));
    SLUICE_TRY(auto pollable, Pollable::adopt(fd));
    Context stop{ctx};
    TaskGroup watcher{ctx};
    watcher.go([&](Context& watch_ctx) { watch_signals(watch_ctx, *pollable, stop, options.stop_time); });
    return main(ctx, stop);
  };
  return sluice::run(in_runtime, options.runtime);
}

}  // namespace sluice::service
