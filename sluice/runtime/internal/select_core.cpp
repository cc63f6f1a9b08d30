// SPDX-License-Identifier: MIT
//
// As in Go's select.go: lock all channels (in the order of their addresses, each once), look at the cases in random
// order, carry out the first that is ready; otherwise queue up at all of them and park. Who claims the wait has carried
// out its case; we lock all again to leave the other queues.
#include <sluice/runtime/internal/select_core.hpp>

#include <algorithm>
#include <functional>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/channel_core.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {
namespace {

constexpr std::size_t kEnded = static_cast<std::size_t>(-1);

std::uintptr_t token_of(const Waiter& waiter) noexcept { return reinterpret_cast<std::uintptr_t>(&waiter); }
std::uintptr_t token_of(const Timer& timer) noexcept { return reinterpret_cast<std::uintptr_t>(&timer); }

}  // namespace

class SelectRun {
 public:
  SelectRun(Context& ctx, std::span<SelectCase> cases) : ctx_(ctx), cases_(cases), fiber_(this_fiber()) {
    shuffle_turns();
    sort_locks();
  }

  SelectChoice run() {
    if (ctx_.is_cancelled()) return {kEnded, false};
    lock_all();
    if (auto choice = take_ready()) return *choice;
    auto idle = std::ranges::find(cases_, SelectCase::Kind::kOtherwise, &SelectCase::kind);
    if (idle != cases_.end()) {
      unlock_all();
      return {static_cast<std::size_t>(idle - cases_.begin()), false};
    }
    return wait();
  }

 private:
  // Fisher-Yates, from the inside out: each order is equally likely, to one part in four thousand million. A number below n
  // is the upper half of n times 32 random bits (D. Lemire, "Fast random integer generation in an interval", 2019): the
  // remainder of a division would cost as much as all else here.
  void shuffle_turns() noexcept {
    std::uint64_t& random = here().processor->random;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      std::size_t j = (next_random(random) >> 32) * (i + 1) >> 32;
      cases_[i].turn = cases_[j].turn;
      cases_[j].turn = i;
    }
  }

  void sort_locks() noexcept {  // by insertion: there are two or three
    for (const SelectCase& item : cases_) {
      if (item.channel == nullptr) continue;
      std::size_t at = lock_count_;
      for (; at > 0 && std::less<>()(item.channel, cases_[at - 1].lock); --at) {}
      if (at > 0 && cases_[at - 1].lock == item.channel) continue;
      for (std::size_t i = lock_count_++; i > at; --i) cases_[i].lock = cases_[i - 1].lock;
      cases_[at].lock = item.channel;
    }
  }

  void lock_all() noexcept {
    for (std::size_t i = 0; i < lock_count_; ++i) cases_[i].lock->lock_.lock();
  }
  void unlock_all() noexcept {
    for (std::size_t i = lock_count_; i > 0; --i) cases_[i - 1].lock->lock_.unlock();
  }

  // Unlocks if it finds one.
  std::optional<SelectChoice> take_ready() {
    Waiter* served = nullptr;
    for (const SelectCase& at : cases_) {
      const SelectCase& item = cases_[at.turn];
      auto step = ChannelCore::Step::kMustWait;
      if (item.kind == SelectCase::Kind::kSend) step = item.channel->send_unlocked(item.slot, served);
      if (item.kind == SelectCase::Kind::kReceive) step = item.channel->recv_unlocked(item.slot, served);
      if (item.kind == SelectCase::Kind::kAfter && item.length <= Duration::zero()) step = ChannelCore::Step::kClosed;
      if (step == ChannelCore::Step::kMustWait) continue;
      unlock_all();
      if (served != nullptr) make_ready(*served->fiber);
      return SelectChoice{at.turn, step == ChannelCore::Step::kDone && item.kind == SelectCase::Kind::kReceive};
    }
    return std::nullopt;
  }

  SelectChoice wait() {
    Wait wait(&ctx_);
    if (!wait.may_park()) {
      unlock_all();
      return {kEnded, false};
    }
    for (SelectCase& item : cases_) enqueue(item);
    unlock_all();
    return leave(wait.park(ParkReason::kSelect));
  }

  void enqueue(SelectCase& item) {
    if (item.kind != SelectCase::Kind::kAfter) {
      queue_of(item).push_back(item.waiter.emplace(&fiber_, item.slot));
      return;
    }
    item.timer.fiber = &fiber_;
    item.timer.fire = [](Timer* self) noexcept {
      Fiber& fiber = *static_cast<SelectCase::CaseTimer*>(self)->fiber;
      if (fiber.claim(token_of(*self))) make_ready(fiber);
    };
    Scheduler& scheduler = Scheduler::running();
    scheduler.processor().timers.add(item.timer, Deadline::after(scheduler.clock(), item.length).when());
  }

  SelectChoice leave(std::uintptr_t token) {
    SelectChoice choice{kEnded, false};
    lock_all();
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      SelectCase& item = cases_[i];
      if (!item.waiter) continue;
      if (item.waiter->is_linked()) queue_of(item).remove(*item.waiter);
      if (token != token_of(*item.waiter)) continue;
      bool is_send = item.kind == SelectCase::Kind::kSend;
      SLUICE_ASSERT(!is_send || item.waiter->served, "nobody closes a channel while somebody sends to it");
      choice = {i, item.waiter->served && !is_send};
    }
    unlock_all();
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      if (cases_[i].kind != SelectCase::Kind::kAfter) continue;
      TimerWheel::stop(cases_[i].timer);
      if (token == token_of(cases_[i].timer)) choice = {i, false};
    }
    return choice;
  }

  static WaitQueue& queue_of(const SelectCase& item) noexcept {
    return item.kind == SelectCase::Kind::kSend ? item.channel->senders_ : item.channel->receivers_;
  }

  Context& ctx_;
  const std::span<SelectCase> cases_;
  Fiber& fiber_;
  std::size_t lock_count_ = 0;
};

SelectChoice select(Context& ctx, std::span<SelectCase> cases) {
  yield_if_asked(here());
  return SelectRun(ctx, cases).run();
}

}  // namespace sluice::internal
