// SPDX-License-Identifier: MIT
#include <sluice/runtime/dump.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/stack_text.hpp>
#include <sluice/runtime/internal/survey.hpp>
#include <sluice/runtime/internal/symbols.hpp>

namespace sluice {
namespace {

using internal::FiberGroup;
using internal::FiberState;
using internal::Survey;
using internal::Symbols;

std::string_view to_string(FiberState state) noexcept {
  switch (state) {
    case FiberState::kRunning: return "running";
    case FiberState::kBlocking: return "in a blocking call";
    case FiberState::kRunnable: return "runnable";
    case FiberState::kNew: return "new, has not run yet";
    case FiberState::kWaiting: return "waiting";
  }
  return "unknown";
}

// "3.2 s": two digits of the largest unit that fits, as one would say it.
std::string length_text(std::int64_t ns) {
  struct Unit {
    std::int64_t ns;
    std::string_view name;
  };
  static constexpr Unit kUnits[] = {{86'400'000'000'000, " d"}, {3'600'000'000'000, " h"}, {60'000'000'000, " min"},
                                    {1'000'000'000, " s"},      {1'000'000, " ms"}};
  for (const Unit& unit : kUnits) {
    if (ns < unit.ns) continue;
    std::string text = std::to_string(ns / unit.ns);
    if (ns < 10 * unit.ns) text.append(".").append(std::to_string(ns % unit.ns * 10 / unit.ns));
    return text.append(unit.name);
  }
  return "0 ms";
}

std::string summary(const Survey& survey) {
  std::string text = std::to_string(survey.total) + (survey.total == 1 ? " fiber" : " fibers");
  std::string_view separator = ": ";
  for (std::size_t state = 0; state < internal::kFiberStates; ++state) {
    if (survey.by_state[state] == 0) continue;
    text.append(separator).append(std::to_string(survey.by_state[state])).append(" ");
    text.append(to_string(static_cast<FiberState>(state)));
    separator = "; ";
  }
  return text.append("\n");
}

void append_names(std::string& text, const FiberGroup& group) {
  if (group.count == 1) {
    text.append("fiber ").append(std::to_string(group.ids[0]));
    return;
  }
  text.append(std::to_string(group.count)).append(" fibers (");
  std::size_t named = std::min(group.count, FiberGroup::kIdsKept);
  for (std::size_t i = 0; i < named; ++i) text.append(i > 0 ? ", " : "").append(std::to_string(group.ids[i]));
  text.append(named < group.count ? ", ...)" : ")");
}

void append_headline(std::string& text, const FiberGroup& group, Instant now) {
  append_names(text, group);
  text.append(": ").append(to_string(group.state));
  if (group.state == FiberState::kWaiting) text.append(", ").append(internal::to_string(group.reason));
  auto age = [&](std::int64_t since) { return length_text(now.time_since_epoch().count() - since); };
  std::string youngest = age(group.newest_ns), oldest = age(group.oldest_ns);
  text.append(" for ").append(youngest);
  if (oldest != youngest) text.append(" to ").append(oldest);
  if (group.moved > 0) text.append("; ").append(group.count == 1 ? "it" : std::to_string(group.moved)).append(" went on while we looked");
  text.append("\n  started at ").append(group.started_at.file_name()).append(":");
  text.append(std::to_string(group.started_at.line())).append(" in ").append(group.started_at.function_name()).append("\n");
}

std::string to_text(const Survey& survey, DumpOptions options) {
  Symbols symbols;
  std::string text = summary(survey);
  if (survey.silent_threads > 0)
    text.append("threads that did not say what they run: ").append(std::to_string(survey.silent_threads)).append("\n");
  std::size_t left_out = survey.not_grouped, stacks = 0;
  for (const FiberGroup& group : survey.groups) {
    if (stacks++ >= options.stacks_max) {
      left_out += group.count;
      continue;
    }
    text.append("\n");
    append_headline(text, group, survey.taken_at);
    internal::append_stack(text, group.trace, symbols, options.frames_max);
  }
  if (left_out > 0)
    text.append("\nand ").append(std::to_string(left_out)).append(" fibers with other stacks (only ")
        .append(std::to_string(options.stacks_max)).append(" of them are shown)\n");
  return text;
}

}  // namespace

std::string dump_fibers(DumpOptions options) { return to_text(internal::Scheduler::running().survey(), options); }

}  // namespace sluice
