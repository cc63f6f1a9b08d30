// SPDX-License-Identifier: MIT
#include <apps/epro/client/progress.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <sluice/runtime/blocking.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::Duration;

constexpr Duration kRedrawEvery = std::chrono::milliseconds(100);
constexpr std::uint64_t kBarWidth = 40;
constexpr std::string_view kClearLine = "\r\x1b[K";

// A terminal that takes nothing loses a drawing, nothing else.
void write_to_terminal(std::string_view text) {
  sluice::blocking([&] { return ::write(STDERR_FILENO, text.data(), text.size()); });
}

}  // namespace

bool Progress::terminal_is_there() { return ::isatty(STDERR_FILENO) == 1; }

Progress::Progress(Context& parent, std::string label, std::uint64_t total, sluice::Clock& clock, bool is_shown)
    : label_(std::move(label)),
      total_(std::max<std::uint64_t>(total, 1)),
      clock_(clock),
      is_shown_(is_shown),
      group_(parent) {
  if (is_shown_) group_.go([this](Context& ctx) { draw(ctx); });
}

Progress::~Progress() {
  group_.context().cancel();
  static_cast<void>(group_.wait());  // drawing does not fail
  if (is_shown_) write_to_terminal(kClearLine);
}

void Progress::draw(Context& ctx) {
  const sluice::Instant start = clock_.now();
  while (sluice::sleep(ctx, kRedrawEvery)) {
    // relaxed: as in advance().
    std::uint64_t done = done_.load(std::memory_order_relaxed);
    write_to_terminal(std::string(kClearLine) + progress_line(label_, done, total_, clock_.now() - start));
  }
}

std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total, Duration elapsed) {
  done = std::min(done, total);
  std::uint64_t filled = done * kBarWidth / total;
  double seconds = std::chrono::duration<double>(elapsed).count();
  auto rate = static_cast<std::uint64_t>(seconds > 0 ? static_cast<double>(done) / seconds : 0);
  std::string line = label + "  [" + std::string(filled, '#') + std::string(kBarWidth - filled, '-') + "]  ";
  line.append(std::to_string(done * 100 / total)).append("%  ");
  line.append(std::to_string(done)).append("/").append(std::to_string(total)).append("  ");
  return line.append(std::to_string(rate)).append("/s");
}

}  // namespace epro
