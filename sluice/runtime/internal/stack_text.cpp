// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/stack_text.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace sluice::internal {
namespace {

bool is_machinery(std::string_view name) noexcept {
  return name == "sluice_fiber_entry" || name.starts_with("sluice::internal::") || name.starts_with("sluice::run(") ||
         name.starts_with("sluice::assertion_failed(");
}

// Calls return behind the call, perhaps into the next line or even function.
std::uintptr_t address_of(const StackTrace& trace, std::size_t frame) noexcept {
  return trace.frames[frame] - (frame == 0 && trace.is_exact ? 0 : 1);
}

}  // namespace

void append_stack(std::string& text, const StackTrace& trace, const Symbols& symbols, std::size_t frames_max) {
  std::size_t first = 0, last = trace.count;
  auto is_ours = [&](std::size_t frame) { return is_machinery(symbols.name_of(address_of(trace, frame))); };
  while (last > 0 && is_ours(last - 1)) --last;
  while (!trace.is_exact && first < last && is_ours(first)) ++first;
  if (first == last) first = 0, last = trace.count;  // nothing else: then that
  std::size_t shown = std::min(last - first, frames_max);
  for (std::size_t i = first; i < first + shown; ++i)
    text.append("    ").append(symbols.describe(address_of(trace, i))).append("\n");
  if (first + shown < last || trace.goes_on) text.append("    ... and more frames\n");
}

}  // namespace sluice::internal
