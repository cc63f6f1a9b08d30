// SPDX-License-Identifier: MIT
#include <sluice/base/assert.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <poll.h>
#include <unistd.h>

namespace sluice {
namespace {

// How long a thread that fails as well waits for the first one's report: longer than reading the program's symbols takes.
constexpr int kReportMilliseconds = 5'000;

std::atomic<void (*)() noexcept> failure_report{nullptr};  // written by who runs fibers, read by who fails
std::atomic<pid_t> first_to_fail{0};                       // the thread; written by itself, once

// False to a thread that fails while it reports: something is so broken that it is better to say no more.
bool may_report() noexcept {
  pid_t self = ::gettid();
  pid_t first = 0;
  if (first_to_fail.compare_exchange_strong(first, self)) return true;
  if (first != self) ::poll(nullptr, 0, kReportMilliseconds);  // our abort() would cut the other one short
  return false;
}

}  // namespace

void assertion_failed(const char* condition, const char* why, Earlier earlier, std::source_location where) noexcept {
  std::fprintf(stderr, "%s:%u: broken promise: %s (%s) in %s\n", where.file_name(), where.line(), why, condition,
               where.function_name());
  if (may_report()) {
    if (earlier.write != nullptr) earlier.write(earlier.subject);
    if (auto* report = failure_report.load()) report();
  }
  std::abort();
}

void set_failure_report(void (*report)() noexcept) noexcept { failure_report.store(report); }

}  // namespace sluice
