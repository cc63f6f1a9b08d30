// SPDX-License-Identifier: MIT
//
// Invariants, all under lock_ (source: Go's chan.go):
//   receivers wait  ⇒ the buffer is empty and no sender waits
//   senders wait    ⇒ the buffer is full and no receiver waits
//   closed          ⇒ nobody waits
// So a value always goes by the shortest way: into a waiting receiver's hands, else into the buffer, else it waits with
// its sender, whose value moves up when a receiver makes room.
#include <sluice/runtime/internal/channel_core.hpp>

#include <cstring>
#include <limits>
#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice::internal {

ChannelCore::ChannelCore(std::size_t capacity, const ElementOps& ops)
    : ops_(ops), capacity_(capacity), buffer_(nullptr, FreeBuffer{ops.align}) {
  SLUICE_ASSERT(capacity <= std::numeric_limits<std::size_t>::max() / 2 / ops.size, "a channel's buffer fits into memory");
  if (capacity > 0) buffer_.reset(static_cast<std::byte*>(::operator new(capacity * ops.size, ops.align)));
}

ChannelCore::~ChannelCore() {
  SLUICE_ASSERT(senders_.is_empty() && receivers_.is_empty(), "a channel outlives the operations on it",
                where_it_waits(senders_.is_empty() ? receivers_.front() : senders_.front()));
  std::size_t count = count_.load();
  for (std::size_t i = 0; i < count; ++i) ops_.destroy(slot((head_ + i) % capacity_));
}

[[gnu::always_inline]] inline void ChannelCore::move(void* to, void* from) const noexcept {
  switch (ops_.plain_bytes) {
    case 4: std::memcpy(to, from, 4); return;
    case 8: std::memcpy(to, from, 8); return;
    case 16: std::memcpy(to, from, 16); return;
    default: ops_.move(to, from);
  }
}

[[gnu::always_inline]] inline void ChannelCore::push(void* value) noexcept {
  std::size_t count = count_.load(std::memory_order_relaxed);  // relaxed: we hold the lock
  std::size_t at = head_ + count;
  move(slot(at >= capacity_ ? at - capacity_ : at), value);
  count_.store(count + 1, std::memory_order_relaxed);  // relaxed: the lock publishes it
}

[[gnu::always_inline]] inline void ChannelCore::pop(void* room) noexcept {
  void* oldest = slot(head_);
  move(room, oldest);
  if (ops_.plain_bytes == 0) ops_.destroy(oldest);
  if (++head_ == capacity_) head_ = 0;
  count_.store(count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);  // relaxed: as in push
}

ChannelCore::Step ChannelCore::send_unlocked(void* value, Waiter*& served) noexcept {
  SLUICE_ASSERT(!closed_, "nobody sends to a closed channel", closed_at_.earlier());
  if (Waiter* receiver = receivers_.claim_front()) {
    move(receiver->slot, value);
    receiver->served = true;
    served = receiver;
    return Step::kDone;
  }
  if (count_.load(std::memory_order_relaxed) == capacity_) return Step::kMustWait;  // relaxed: we hold the lock
  push(value);
  return Step::kDone;
}

ChannelCore::Step ChannelCore::recv_unlocked(void* room, Waiter*& served) noexcept {
  Waiter* sender = nullptr;
  if (count_.load(std::memory_order_relaxed) > 0) {  // relaxed: we hold the lock
    pop(room);
    if ((sender = senders_.claim_front()) != nullptr) push(sender->slot);
  } else if ((sender = senders_.claim_front()) != nullptr) {
    move(room, sender->slot);
  } else {
    return closed_ ? Step::kClosed : Step::kMustWait;
  }
  if (sender != nullptr) sender->served = true;
  served = sender;
  return Step::kDone;
}

// Fast and slow apart: what waits needs so many registers that saving them would be half of what does not.
ChannelCore::Outcome ChannelCore::send(Context* ctx, void* value) noexcept {
  yield_if_asked(here());
  Current& at = here();  // again: we may be elsewhere
  Context& follow = ctx ? *ctx : *at.fiber->own_context;
  if (follow.is_cancelled()) [[unlikely]]
    return Outcome::kContextEnded;
  lock_.lock(at.processor);
  // relaxed: we hold the lock
  if (count_.load(std::memory_order_relaxed) < capacity_ && receivers_.is_empty() && !closed_) [[likely]] {
    push(value);
    lock_.unlock();
    return Outcome::kDone;
  }
  return send_slowly(follow, value);
}

ChannelCore::Outcome ChannelCore::send_slowly(Context& follow, void* value) noexcept {
  Waiter* served = nullptr;
  if (send_unlocked(value, served) == Step::kDone) {
    lock_.unlock();
    if (served != nullptr) make_ready(*served->fiber);
    return Outcome::kDone;
  }
  Fiber& self = this_fiber();
  Waiter& waiter = self.emplace_wait<Waiter>(&self, value);
  senders_.push_back(waiter);
  if (!wait_in_queue(senders_, waiter, lock_, ParkReason::kChannelSend, &follow)) return Outcome::kContextEnded;
  SLUICE_ASSERT(waiter.served, "nobody closes a channel while somebody sends to it", closed_at_.earlier());
  return Outcome::kDone;
}

bool ChannelCore::try_send(void* value) noexcept {
  Waiter* served = nullptr;
  {
    std::lock_guard hold(lock_);
    if (send_unlocked(value, served) != Step::kDone) return false;
  }
  if (served != nullptr) make_ready(*served->fiber);
  return true;
}

ChannelCore::Outcome ChannelCore::recv(Context* ctx, void* room) noexcept {
  yield_if_asked(here());
  Current& at = here();  // again: we may be elsewhere
  Context& follow = ctx ? *ctx : *at.fiber->own_context;
  if (follow.is_cancelled()) [[unlikely]]
    return Outcome::kContextEnded;
  lock_.lock(at.processor);
  // relaxed: we hold the lock
  if (count_.load(std::memory_order_relaxed) > 0 && senders_.is_empty()) [[likely]] {
    pop(room);
    lock_.unlock();
    return Outcome::kDone;
  }
  return recv_slowly(follow, room);
}

ChannelCore::Outcome ChannelCore::recv_slowly(Context& follow, void* room) noexcept {
  Waiter* served = nullptr;
  if (Step step = recv_unlocked(room, served); step != Step::kMustWait) {
    lock_.unlock();
    if (served != nullptr) make_ready(*served->fiber);
    return step == Step::kDone ? Outcome::kDone : Outcome::kClosed;
  }
  Fiber& self = this_fiber();
  Waiter& waiter = self.emplace_wait<Waiter>(&self, room);
  receivers_.push_back(waiter);
  if (!wait_in_queue(receivers_, waiter, lock_, ParkReason::kChannelReceive, &follow)) return Outcome::kContextEnded;
  return waiter.served ? Outcome::kDone : Outcome::kClosed;
}

bool ChannelCore::try_recv(void* room) noexcept {
  Waiter* served = nullptr;
  {
    std::lock_guard hold(lock_);
    if (recv_unlocked(room, served) != Step::kDone) return false;
  }
  if (served != nullptr) make_ready(*served->fiber);
  return true;
}

void ChannelCore::close() {
  Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    SLUICE_ASSERT(!closed_, "a channel is closed once", closed_at_.earlier());
    closed_at_.remember();
    closed_ = true;
    while (receivers_.claim_front(wakeups) != nullptr) {}  // not served: closed and empty
    Waiter* sender = senders_.claim_front();
    SLUICE_ASSERT(sender == nullptr, "nobody closes a channel while somebody sends to it", where_it_waits(sender));
  }
  wakeups.run();
}

}  // namespace sluice::internal
