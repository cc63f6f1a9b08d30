// SPDX-License-Identifier: MIT
#include <sluice/service/log_writer.hpp>

#include <algorithm>
#include <chrono>
#include <cerrno>
#include <string>

#include <unistd.h>

#include <sluice/observe/log.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::service {
namespace {

using namespace std::chrono_literals;

// A line is seen after at most the second; a flood fills a ring of 1 MiB in more than the first.
constexpr Duration kPauseMin = 5ms;
constexpr Duration kPauseMax = 200ms;

void write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    ssize_t written = blocking([&] {
      ssize_t n = ::write(fd, text.data(), text.size());
      return n < 0 && errno == EINTR ? 0 : n;
    });
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// True: there was something.
bool write_once(observe::Logger& log, int fd, std::string& batch) {
  batch.clear();
  std::size_t lines = log.drain([&](observe::Level, std::string_view line) { batch.append(line); });
  write_all(fd, batch);
  return lines > 0;
}

}  // namespace

Result<void> write_log(Context& ctx, observe::Logger& log, int fd) {
  std::string batch;
  Duration pause = kPauseMin;
  while (sleep(ctx, pause)) pause = write_once(log, fd, batch) ? kPauseMin : std::min(pause * 2, kPauseMax);
  flush_log(log, fd);
  return {};
}

void flush_log(observe::Logger& log, int fd) {
  std::string batch;
  while (write_once(log, fd, batch)) {}
}

}  // namespace sluice::service
