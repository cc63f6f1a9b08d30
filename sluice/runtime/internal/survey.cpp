// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/survey.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <optional>
#include <span>
#include <unordered_map>

#include <sluice/runtime/internal/fiber_pool.hpp>
#include <sluice/runtime/internal/probe.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 10ms;             // a thread that runs answers within microseconds, or a time slice
constexpr std::size_t kSilentMax = 20;           // then we ask no more: 200 ms
constexpr std::size_t kGroupsMax = 10'000;       // of about 600 bytes

/// A fiber as it was found.
struct Sighting {
  std::uint64_t id;
  FiberState state;
  ParkReason reason;
  std::source_location started_at;
  std::int64_t since_ns;
  StackTrace trace;
  bool has_moved;
};

using Answers = std::unordered_map<std::uint64_t, ProbeAnswer>;

Answers ask(const std::vector<pid_t>& threads, std::size_t& silent) {
  Answers answers;
  for (pid_t thread : threads) {
    if (silent == kSilentMax) break;
    auto answer = probe_thread(thread, kPatience);
    if (!answer) ++silent;
    if (answer && answer->fiber_id != 0) answers.emplace(answer->fiber_id, *answer);
  }
  return answers;
}

// All of it by peek(), for the owner of the block writes as it likes; believed if the id is the same afterwards.
template <class T>
T peek_as(const T& member) noexcept {
  static_assert(sizeof(T) == sizeof(std::uintptr_t));
  return std::bit_cast<T>(peek(&member));
}
template <class T>
T peek_as(const std::atomic<T>& member) noexcept {
  static_assert(sizeof(member) == sizeof(T));
  if constexpr (sizeof(T) == 1) {
    return static_cast<T>(peek_byte(&member));
  } else {
    return std::bit_cast<T>(peek(&member));
  }
}

void read_saved_stack(const Fiber& fiber, Sighting& seen) noexcept {
  auto context = peek_as(fiber.context);
  auto low = reinterpret_cast<std::uintptr_t>(peek_as(fiber.stack_low));
  StackBounds bounds{low, low + peek_as(fiber.stack_bytes)};
  seen.trace = walk_stack(saved_registers(reinterpret_cast<std::uintptr_t>(context), bounds), bounds);
  seen.has_moved = peek_as(fiber.is_on_stack) || peek_as(fiber.context) != context;
}

// Nothing: it ended meanwhile.
std::optional<Sighting> look_at(const Fiber& fiber, const Answers& answers) {
  std::uint64_t id = peek_as(fiber.id);
  Sighting seen{.id = id,
                .state = FiberState::kNew,
                .reason = peek_as(fiber.reason),
                .started_at = peek_as(fiber.started_at),
                .since_ns = peek_as(fiber.since_ns),
                .trace = {},
                .has_moved = false};
  if (auto found = answers.find(id); found != answers.end()) {
    seen.state = found->second.is_blocking ? FiberState::kBlocking : FiberState::kRunning;
    seen.trace = found->second.trace;
  } else if (peek_as(fiber.is_on_stack)) {
    seen.state = FiberState::kRunning;  // on a thread that is silent, or for a moment only
    seen.has_moved = true;
  } else if (peek_as(fiber.stack_low) != nullptr) {
    bool waits = (peek(&fiber.wait_word) & WaitWord::kWaiting) != 0;
    seen.state = waits ? FiberState::kWaiting : FiberState::kRunnable;
    read_saved_stack(fiber, seen);
  }
  if (peek_as(fiber.id) != id) return std::nullopt;
  return seen;
}

bool are_alike(const FiberGroup& group, const Sighting& seen) noexcept {
  auto frames = [](const StackTrace& trace) { return std::span(trace.frames.data(), trace.count); };
  return group.state == seen.state && (seen.state != FiberState::kWaiting || group.reason == seen.reason) &&
         group.started_at.file_name() == seen.started_at.file_name() &&
         group.started_at.line() == seen.started_at.line() && std::ranges::equal(frames(group.trace), frames(seen.trace));
}

std::size_t hash_of(const Sighting& seen) noexcept {
  std::uint64_t hash = seen.started_at.line() * 8 + static_cast<std::uint64_t>(seen.state);
  for (std::size_t i = 0; i < seen.trace.count; ++i)
    hash = (hash ^ seen.trace.frames[i]) * 0x100000001b3;  // FNV-1a's prime; collisions only cost a comparison
  return hash;
}

class Grouping {
 public:
  explicit Grouping(Survey& survey) : survey_(survey) {}

  void add(const Sighting& seen) {
    ++survey_.total;
    ++survey_.by_state[static_cast<std::size_t>(seen.state)];
    FiberGroup* group = find_or_add(seen);
    if (group == nullptr) {
      ++survey_.not_grouped;
      return;
    }
    if (group->count < FiberGroup::kIdsKept) group->ids[group->count] = seen.id;
    ++group->count;
    group->moved += seen.has_moved ? 1 : 0;
    group->oldest_ns = std::min(group->oldest_ns, seen.since_ns);
    group->newest_ns = std::max(group->newest_ns, seen.since_ns);
  }

 private:
  FiberGroup* find_or_add(const Sighting& seen) {
    std::size_t hash = hash_of(seen);
    auto [first, last] = by_hash_.equal_range(hash);
    for (auto it = first; it != last; ++it)
      if (FiberGroup& group = survey_.groups[it->second]; are_alike(group, seen)) return &group;
    if (survey_.groups.size() == kGroupsMax) return nullptr;
    by_hash_.emplace(hash, survey_.groups.size());
    FiberGroup& made = survey_.groups.emplace_back();
    made.state = seen.state;
    made.reason = seen.reason;
    made.started_at = seen.started_at;
    made.trace = seen.trace;
    made.oldest_ns = made.newest_ns = seen.since_ns;
    return &made;
  }

  Survey& survey_;
  std::unordered_multimap<std::size_t, std::size_t> by_hash_;
};

}  // namespace

Survey survey_fibers(const FiberPool& fibers, const std::vector<pid_t>& threads) {
  Survey survey;
  survey.taken_at = system_clock().now();
  Answers answers = ask(threads, survey.silent_threads);
  Grouping grouping(survey);
  fibers.for_each([&](const Fiber& fiber) {
    if (auto seen = look_at(fiber, answers)) grouping.add(*seen);
  });
  // Those that keep a processor busy first, then the largest crowds, then who has waited longest.
  std::ranges::sort(survey.groups, [](const FiberGroup& a, const FiberGroup& b) {
    if (a.state != b.state) return a.state < b.state;
    if (a.count != b.count) return a.count > b.count;
    return a.oldest_ns < b.oldest_ns;
  });
  return survey;
}

}  // namespace sluice::internal
