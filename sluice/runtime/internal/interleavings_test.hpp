// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <source_location>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::internal {

template <class T>
class SteppedAtomic;

/// Whether a protocol between a few threads is right in every order of their steps, on a machine that delays stores.
///
///   auto result = Interleavings::explore(ctx, [] {
///     auto scene = std::make_shared<Scene>();  // its atomics are SteppedAtomics, its fences SteppedFence
///     return Interleavings::Play{{[scene] { scene->owner(); }, [scene] { scene->thief(); }}, [scene] { scene->check(); }};
///   });
///   EXPECT_EQ(result.violation, "");
///
/// The machine is x86-TSO. A store goes into its thread's buffer, first in, first out, and is seen by others when it leaves
/// that, at any time; a load looks into the thread's own buffer first; a locked instruction (all read-modify-writes, and
/// stores that are seq_cst) empties it. A heavy fence returns when each other thread's buffer has been emptied at some
/// moment since the call, each at its own. What weaker machines and compilers do besides is for TSan to see.
///
/// Every choice is tried: which thread steps, whose oldest store becomes visible, which thread passes the barrier. A state
/// that was seen before is not explored again. A thread is where it is because of what it has read, so the memory, the
/// buffers and all that the threads have read are the state. Hence a thread must depend on nothing else, and plain data
/// that the check looks at only on the threads' own reads.
/// Threads: this runs on one; its threads are fibers. Requires: in_virtual_time.
/// Source: P. Sewell et al., "x86-TSO", CACM 53(7), 2010. Stateless search as in VeriSoft, P. Godefroid, POPL 1997, with the
/// visited states remembered.
class Interleavings {
 public:
  using Word = std::uint64_t;

  struct Play {
    std::vector<std::function<void()>> threads;
    std::function<void()> check;  // when all have ended
  };
  struct Result {
    std::size_t states = 0;  // in which there was a choice
    std::string violation;   // and how it came about; empty: none
  };

  /// The sanitizers have nothing to find here, where one thread does all; they only see that nothing is read after its end.
  static constexpr std::size_t kMaxStates = kSanitized ? 50 : 5'000'000;

  /// Plays what `make` builds in all interleavings, or until one violates something.
  static Result explore(Context& ctx, const std::function<Play()>& make);

  // For plays.

  /// The first thing that does not hold is the violation.
  static void require(bool holds, const char* what) {
    if (!holds && self_->violation_.empty()) self_->report(what);
  }
  /// At the end of a loop's futile round: until something that it has read changes. If nothing ever does, that is a deadlock.
  /// Requires: a futile round writes nothing, and after the loop the thread writes before it comes to this `where` again.
  static void wait(std::source_location where = std::source_location::current());
  /// Makes states equal: `place` says where the thread is, and nothing that it has read on its way matters from now on.
  static void at(Word place);
  /// As above, where the number of calls says it.
  static void forget();
  /// Changes what is no part of the protocol, but of the state; not a step.
  template <class Update>
  static void mark(const SteppedAtomic<Word>& atomic, Update update);

  // For SteppedAtomic and SteppedFence.

  static std::size_t add_location(Word value);
  static Word load(std::size_t location);
  static void store(std::size_t location, Word value);
  /// A locked instruction: from the old value to the new one. Returns the old one.
  template <class Update>
  static Word exchange(std::size_t location, Update update);
  static void heavy_fence();

 private:
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);
  static constexpr std::size_t kMaxSteps = 100'000;  // of one play: it does not end by itself

  struct Store {
    std::size_t location;
    Word value;
  };
  struct Thread {
    enum class State { kReady, kWaits, kFences, kDone };
    State state = State::kReady;
    std::vector<Store> buffer;  // the oldest first
    std::vector<Store> reads;        // what it has found since it last waited
    std::uint32_t fenced = 0;        // kFences: the threads, a bit each, that have yet to pass the barrier
    std::uint64_t past = 0;          // all that it has read: it says where the thread stands
    std::uint64_t forgotten = 0;     // how often
    std::uint64_t round_began = 0;   // what that was after the last wait; 0: it has written since
    std::source_location round_at;   // where that was
    Chan<bool> turn{1};
  };
  struct Action {
    enum class Kind { kStep, kFlush, kPassBarrier };
    Kind kind;
    std::size_t thread;
    std::size_t asker = 0;  // kPassBarrier: who fences
  };
  struct Decision {
    std::vector<Action> choices;
    std::size_t taken = 0;
  };
  struct Event {
    std::size_t thread;
    const char* what;
    std::size_t location;
    Word value;
  };
  // What fibers that never end still refer to.
  struct Stage {
    explicit Stage(Context& ctx) : group(ctx) {}
    std::deque<Thread> threads;
    Play play;
    TaskGroup group;
  };

  static bool is_playing() noexcept { return self_ != nullptr && self_->running_ != kNobody; }
  Thread& me() noexcept { return stage_->threads[running_]; }

  void play(Context& ctx, const std::function<Play()>& make);
  void step();
  void end_thread();
  std::size_t decide();
  std::vector<Action> choices() const;
  bool can_step(const Thread& thread) const noexcept;
  Word visible(const Thread& thread, std::size_t location) const noexcept;
  void remember(Word value) noexcept;
  void flush(std::size_t thread);
  void flush_all(std::size_t thread);
  void write(std::size_t location, Word value, std::size_t by);
  std::uint64_t state() const noexcept;
  // The finalizer of splitmix64, Steele et al. 2014.
  static std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
    hash = std::rotl(hash, 1) + value + 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
    return hash ^ (hash >> 31);
  }
  void note(const char* what, std::size_t location, Word value);
  void report(const char* what);
  bool advance();

  static inline Interleavings* self_ = nullptr;
  static inline std::vector<Stage*> abandoned_;  // after a deadlock; to the end of the process

  std::unique_ptr<Stage> stage_;
  std::vector<Word> memory_;
  std::size_t running_ = kNobody;
  std::size_t steps_ = 0;
  Chan<bool> is_over_{1};  // true: all threads have ended

  std::vector<Decision> path_;
  std::size_t depth_ = 0;
  bool is_known_ = false;  // what follows has been explored; go on to the end anyhow
  std::unordered_set<std::uint64_t> visited_;

  std::vector<Event> events_;
  std::string violation_;
};

/// An atomic whose operations are steps of a play; outside of it, plain memory.
template <class T>
class SteppedAtomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(Interleavings::Word));

 public:
  SteppedAtomic(T value = T{}) : location_(Interleavings::add_location(to_word(value))) {}  // NOLINT: as std::atomic
  SteppedAtomic(const SteppedAtomic&) = delete;
  SteppedAtomic& operator=(const SteppedAtomic&) = delete;

  // The order of a load says nothing: on this machine all of them acquire, and a store releases.
  T load(std::memory_order = std::memory_order_seq_cst) const { return from_word(Interleavings::load(location_)); }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {  // as std::atomic
    if (order == std::memory_order_seq_cst) {  // as std::atomic: a locked instruction
      exchange(value);
    } else {
      Interleavings::store(location_, to_word(value));
    }
  }
  T exchange(T value, std::memory_order = std::memory_order_seq_cst) {  // as load
    return from_word(Interleavings::exchange(location_, [&](Interleavings::Word) { return to_word(value); }));
  }
  T fetch_add(T value, std::memory_order = std::memory_order_seq_cst) {  // as load
    return from_word(Interleavings::exchange(
        location_, [&](Interleavings::Word old) { return to_word(static_cast<T>(from_word(old) + value)); }));
  }
  T fetch_sub(T value) { return fetch_add(static_cast<T>(-value)); }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) {  // as load
    Interleavings::Word before = to_word(expected);
    Interleavings::Word old = Interleavings::exchange(
        location_, [&](Interleavings::Word found) { return found == before ? to_word(wanted) : found; });
    expected = from_word(old);
    return old == before;
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order good = std::memory_order_seq_cst,
                             std::memory_order bad = std::memory_order_seq_cst) {  // as load
    return compare_exchange_strong(expected, wanted, good, bad);
  }

 private:
  friend class Interleavings;

  static Interleavings::Word to_word(T value) noexcept {
    Interleavings::Word word = 0;
    std::memcpy(&word, &value, sizeof value);
    return word;
  }
  static T from_word(Interleavings::Word word) noexcept {
    T value;
    std::memcpy(&value, &word, sizeof value);
    return value;
  }

  std::size_t location_;
};

/// As AsymmetricFence.
struct SteppedFence {
  static void light() noexcept {}  // steps of one thread keep their order anyhow
  static void light_for_sure() noexcept {}
  static void heavy() { Interleavings::heavy_fence(); }
};

// ---- implementation ----

inline Interleavings::Result Interleavings::explore(Context& ctx, const std::function<Play()>& make) {
  Interleavings all;
  self_ = &all;
  do {
    all.play(ctx, make);
  } while (all.violation_.empty() && all.visited_.size() < kMaxStates && all.advance());
  self_ = nullptr;
  return {all.visited_.size(), std::move(all.violation_)};
}

inline void Interleavings::play(Context& ctx, const std::function<Play()>& make) {
  memory_.clear();
  events_.clear();
  depth_ = steps_ = 0;
  is_known_ = false;
  stage_ = std::make_unique<Stage>(ctx);
  stage_->play = make();
  std::size_t count = stage_->play.threads.size();
  for (std::size_t i = 0; i < count; ++i) {
    stage_->threads.emplace_back();
    stage_->group.go([this, i](Context&) {
      stage_->threads[i].turn.recv();
      ++stage_->threads[i].past;  // it is on its way to its first step
      stage_->play.threads[i]();
      end_thread();
    });
  }
  running_ = decide();
  stage_->threads[running_].turn.send(true);
  bool have_all_ended = *is_over_.recv();
  running_ = kNobody;
  if (!have_all_ended) {
    abandoned_.push_back(stage_.release());
    return;
  }
  EXPECT_TRUE(stage_->group.wait());
  if (stage_->play.check) stage_->play.check();
}

// Before each operation: whose is the next one?
inline void Interleavings::step() {
  std::size_t before = running_;
  running_ = decide();
  if (running_ == before) return;
  if (running_ == kNobody) {
    is_over_.send(false);
  } else {
    stage_->threads[running_].turn.send(true);
  }
  stage_->threads[before].turn.recv();
}

inline void Interleavings::end_thread() {
  me().state = Thread::State::kDone;
  running_ = decide();
  if (running_ == kNobody) {
    auto is_done = [](const Thread& thread) { return thread.state == Thread::State::kDone; };
    is_over_.send(std::ranges::all_of(stage_->threads, is_done));
  } else {
    stage_->threads[running_].turn.send(true);
  }
}

// Lets things happen until it is a thread's turn: that one; nobody's if all have ended or none can go on.
inline std::size_t Interleavings::decide() {
  for (;; ++depth_) {
    Action action;
    if (depth_ < path_.size()) {
      action = path_[depth_].choices[path_[depth_].taken];
    } else {
      std::vector<Action> all = choices();
      if (++steps_ > kMaxSteps) report("does not end");
      if (all.empty() || steps_ > kMaxSteps) {
        auto is_done = [](const Thread& thread) { return thread.state == Thread::State::kDone; };
        if (!std::ranges::all_of(stage_->threads, is_done)) report("deadlock");
        return kNobody;
      }
      action = all.front();
      if (!is_known_ && all.size() > 1) is_known_ = !visited_.insert(state()).second;
      if (!is_known_) path_.push_back({std::move(all), 0});
    }
    if (action.kind == Action::Kind::kStep) {
      ++depth_;
      return action.thread;
    }
    if (action.kind == Action::Kind::kFlush) {
      flush(action.thread);
    } else {
      flush_all(action.thread);
      stage_->threads[action.asker].fenced &= ~(1U << action.thread);
      note("passes a barrier", 0, 0);
    }
  }
}

// First the one that goes on: it costs no switch.
inline std::vector<Interleavings::Action> Interleavings::choices() const {
  const std::deque<Thread>& threads = stage_->threads;
  std::vector<Action> all;
  for (std::size_t i = 0; i < threads.size(); ++i)
    if (can_step(threads[i])) all.push_back({Action::Kind::kStep, i});
  if (running_ != kNobody && can_step(threads[running_])) {
    auto mine = std::ranges::find(all, running_, &Action::thread);
    std::rotate(all.begin(), mine, mine + 1);
  }
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (!threads[i].buffer.empty()) all.push_back({Action::Kind::kFlush, i});
    for (std::size_t j = 0; j < threads.size(); ++j)
      if ((threads[i].fenced >> j & 1) != 0) all.push_back({Action::Kind::kPassBarrier, j, i});
  }
  return all;
}

inline bool Interleavings::can_step(const Thread& thread) const noexcept {
  switch (thread.state) {
    case Thread::State::kReady: return true;
    case Thread::State::kWaits:
      return std::ranges::any_of(
          thread.reads, [&](const Store& read) { return visible(thread, read.location) != read.value; });
    case Thread::State::kFences: return thread.fenced == 0;
    case Thread::State::kDone: return false;
  }
  return false;
}

inline Interleavings::Word Interleavings::visible(const Thread& thread, std::size_t location) const noexcept {
  for (std::size_t i = thread.buffer.size(); i > 0; --i)
    if (thread.buffer[i - 1].location == location) return thread.buffer[i - 1].value;
  return memory_[location];
}

inline void Interleavings::flush(std::size_t thread) {
  std::vector<Store>& buffer = stage_->threads[thread].buffer;
  Store oldest = buffer.front();
  buffer.erase(buffer.begin());
  write(oldest.location, oldest.value, thread);
}

inline void Interleavings::flush_all(std::size_t thread) {
  while (!stage_->threads[thread].buffer.empty()) flush(thread);
}

inline void Interleavings::write(std::size_t location, Word value, std::size_t by) {
  events_.push_back({by, "has stored", location, value});
  memory_[location] = value;
}

inline std::uint64_t Interleavings::state() const noexcept {
  std::uint64_t hash = 0;
  auto add = [&](std::uint64_t value) { hash = mix(hash, value); };
  for (Word word : memory_) add(word);
  for (const Thread& thread : stage_->threads) {
    add(thread.past);
    add(static_cast<std::uint64_t>(thread.state));
    add(thread.fenced);
    add(thread.buffer.size());
    for (const Store& store : thread.buffer) {
      add(store.location);
      add(store.value);
    }
  }
  return hash;
}

inline void Interleavings::note(const char* what, std::size_t location, Word value) {
  events_.push_back({running_, what, location, value});
}

inline void Interleavings::report(const char* what) {
  if (!violation_.empty()) return;
  constexpr std::size_t kShown = 80;
  std::ostringstream text;
  text << what << ", after";
  for (std::size_t i = events_.size() > kShown ? events_.size() - kShown : 0; i < events_.size(); ++i) {
    const Event& event = events_[i];
    text << "\n  thread " << event.thread << ' ' << event.what << " [" << event.location << "] " << event.value;
  }
  violation_ = text.str();
}

// To the next path, depth first; false: that was the last one.
inline bool Interleavings::advance() {
  while (!path_.empty() && ++path_.back().taken == path_.back().choices.size()) path_.pop_back();
  return !path_.empty();
}

inline std::size_t Interleavings::add_location(Word value) {
  self_->memory_.push_back(value);
  return self_->memory_.size() - 1;
}

inline void Interleavings::remember(Word value) noexcept {
  me().past = mix(me().past, value);
}

inline Interleavings::Word Interleavings::load(std::size_t location) {
  Interleavings& all = *self_;
  if (!is_playing()) return all.memory_[location];
  all.step();
  Word value = all.visible(all.me(), location);
  all.me().reads.push_back({location, value});
  all.remember(value);
  all.note("loads", location, value);
  return value;
}

inline void Interleavings::store(std::size_t location, Word value) {
  Interleavings& all = *self_;
  if (!is_playing()) {
    all.memory_[location] = value;
    return;
  }
  all.step();
  Thread& self = all.me();
  self.buffer.push_back({location, value});
  all.remember(0);
  self.round_began = 0;
  all.note("stores", location, value);
}

template <class Update>
Interleavings::Word Interleavings::exchange(std::size_t location, Update update) {
  Interleavings& all = *self_;
  if (!is_playing()) return std::exchange(all.memory_[location], update(all.memory_[location]));
  all.step();
  all.flush_all(all.running_);
  Word old = all.memory_[location];
  all.me().reads.push_back({location, old});
  all.remember(old);
  all.note("locks", location, old);
  if (Word value = update(old); value != old) {
    all.write(location, value, all.running_);
    all.me().round_began = 0;
  }
  return old;
}

inline void Interleavings::heavy_fence() {
  Interleavings& all = *self_;
  all.step();
  all.flush_all(all.running_);
  Thread& self = all.me();
  self.fenced = ((1U << all.stage_->threads.size()) - 1) & ~(1U << all.running_);
  self.state = Thread::State::kFences;
  all.note("fences", 0, 0);
  all.step();
  all.me().state = Thread::State::kReady;
  all.remember(0);
}

inline void Interleavings::wait(std::source_location where) {
  Interleavings& all = *self_;
  all.me().state = Thread::State::kWaits;
  if (!all.can_step(all.me())) all.step();
  Thread& self = all.me();
  self.state = Thread::State::kReady;
  self.reads.clear();
  bool is_same_loop = self.round_began != 0 && where.line() == self.round_at.line() &&
                      where.column() == self.round_at.column() && where.file_name() == self.round_at.file_name();
  if (is_same_loop) self.past = self.round_began;  // the round has changed nothing
  self.round_began = self.past;
  self.round_at = where;
}

inline void Interleavings::at(Word place) {
  Thread& self = self_->me();
  self.reads.clear();
  self.past = 0;
  self_->remember(place);
  self.round_began = 0;
}

inline void Interleavings::forget() { at(++self_->me().forgotten); }

template <class Update>
void Interleavings::mark(const SteppedAtomic<Word>& atomic, Update update) {
  Word& value = self_->memory_[atomic.location_];
  value = update(value);
}

}  // namespace sluice::internal
