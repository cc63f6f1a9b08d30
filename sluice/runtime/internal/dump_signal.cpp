// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/dump_signal.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>

#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {
namespace {

// Handlers that may be using the scheduler. Written by them, read by who is about to destroy it.
std::atomic<int> handlers{0};
// Both written by the thread that runs the scheduler.
bool is_installed = false;
struct sigaction previous_action;

// Only notes the wish: sysmon, which never runs fibers, does the work even if endless loops have all processors.
void on_quit(int) {
  int error = errno;
  // Both seq_cst. Forbidden: we find a scheduler, and run(), which has hidden it before it looks, does not find us.
  handlers.fetch_add(1);
  if (Scheduler* scheduler = Scheduler::running_or_null()) scheduler->request_dump();
  handlers.fetch_sub(1);
  errno = error;
}

}  // namespace

void install_dump_signal() noexcept {
  struct sigaction before {};
  if (::sigaction(SIGQUIT, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0) return;
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return;
  previous_action = before;
  struct sigaction action {};
  action.sa_handler = &on_quit;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  is_installed = ::sigaction(SIGQUIT, &action, nullptr) == 0;
}

void remove_dump_signal() noexcept {
  if (is_installed) ::sigaction(SIGQUIT, &previous_action, nullptr);
  is_installed = false;
}

void wait_for_dump_signal() noexcept {
  while (handlers.load() > 0) ::sched_yield();
}

void write_to_stderr(std::string_view text, Duration patience) noexcept {
  auto patience_ms = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
  while (!text.empty()) {
    pollfd reader{STDERR_FILENO, POLLOUT, 0};
    int ready = ::poll(&reader, 1, patience_ms);
    if (ready == 0 || (ready < 0 && errno != EINTR)) return;
    // A pipe that is ready takes this much at once.
    ssize_t written = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace sluice::internal
