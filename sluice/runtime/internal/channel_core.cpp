// SPDX-License-Identifier: MIT
//
// Invariants, all under lock_ (source: Go's chan.go):
//   receivers wait  ⇒ the buffer is empty and no sender waits
//   senders wait    ⇒ the buffer is full and no receiver waits
//   closed          ⇒ nobody waits
// So a value always goes by the shortest way: into a waiting receiver's hands, else into the buffer, else it waits with
// its sender, whose value moves up when a receiver makes room.
#include <sluice/runtime/internal/channel_core.hpp>

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
  SLUICE_ASSERT(senders_.is_empty() && receivers_.is_empty(), "a channel outlives the operations on it");
  std::size_t count = count_.load();
  for (std::size_t i = 0; i < count; ++i) ops_.destroy(slot((head_ + i) % capacity_));
}

Result<void> ChannelCore::send(Context* ctx, void* value) {
  Context& follow = ctx ? *ctx : own_context();
  if (follow.is_cancelled()) return follow.check();
  Wakeups wakeups;
  lock_.lock();
  if (send_unlocked(value, wakeups) == Step::kDone) {
    lock_.unlock();
    wakeups.run();
    return {};
  }
  Waiter waiter(&this_fiber(), value);
  senders_.push_back(waiter);
  if (!wait_in_queue(senders_, waiter, lock_, ParkReason::kChannelSend, &follow)) return follow.check();
  SLUICE_ASSERT(waiter.served, "nobody closes a channel while somebody sends to it");
  return {};
}

bool ChannelCore::try_send(void* value) noexcept {
  Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    if (send_unlocked(value, wakeups) != Step::kDone) return false;
  }
  wakeups.run();
  return true;
}

Result<bool> ChannelCore::recv(Context* ctx, void* room) {
  Context& follow = ctx ? *ctx : own_context();
  if (follow.is_cancelled()) return fail(std::move(follow.check()).error());
  Wakeups wakeups;
  lock_.lock();
  if (Step step = recv_unlocked(room, wakeups); step != Step::kMustWait) {
    lock_.unlock();
    wakeups.run();
    return step == Step::kDone;
  }
  Waiter waiter(&this_fiber(), room);
  receivers_.push_back(waiter);
  if (!wait_in_queue(receivers_, waiter, lock_, ParkReason::kChannelReceive, &follow))
    return fail(std::move(follow.check()).error());
  return waiter.served;
}

bool ChannelCore::try_recv(void* room) noexcept {
  Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    if (recv_unlocked(room, wakeups) != Step::kDone) return false;
  }
  wakeups.run();
  return true;
}

void ChannelCore::close() {
  Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    SLUICE_ASSERT(!closed_, "a channel is closed once");
    closed_ = true;
    while (receivers_.claim_front(wakeups) != nullptr) {}  // not served: closed and empty
    SLUICE_ASSERT(senders_.claim_front(wakeups) == nullptr, "nobody closes a channel while somebody sends to it");
  }
  wakeups.run();
}

ChannelCore::Step ChannelCore::send_unlocked(void* value, Wakeups& wakeups) noexcept {
  SLUICE_ASSERT(!closed_, "nobody sends to a closed channel");
  if (Waiter* receiver = receivers_.claim_front(wakeups)) {
    ops_.move(receiver->slot, value);
    receiver->served = true;
    return Step::kDone;
  }
  if (count_.load(std::memory_order_relaxed) == capacity_) return Step::kMustWait;  // relaxed: we hold the lock
  push(value);
  return Step::kDone;
}

ChannelCore::Step ChannelCore::recv_unlocked(void* room, Wakeups& wakeups) noexcept {
  if (count_.load(std::memory_order_relaxed) > 0) {  // relaxed: we hold the lock
    pop(room);
    if (Waiter* sender = senders_.claim_front(wakeups)) {
      push(sender->slot);
      sender->served = true;
    }
    return Step::kDone;
  }
  if (Waiter* sender = senders_.claim_front(wakeups)) {
    ops_.move(room, sender->slot);
    sender->served = true;
    return Step::kDone;
  }
  return closed_ ? Step::kClosed : Step::kMustWait;
}

void ChannelCore::push(void* value) noexcept {
  std::size_t count = count_.load(std::memory_order_relaxed);  // relaxed: we hold the lock
  std::size_t at = head_ + count;
  ops_.move(slot(at >= capacity_ ? at - capacity_ : at), value);
  count_.store(count + 1, std::memory_order_relaxed);  // relaxed: the lock publishes it
}

void ChannelCore::pop(void* room) noexcept {
  void* oldest = slot(head_);
  ops_.move(room, oldest);
  ops_.destroy(oldest);
  if (++head_ == capacity_) head_ = 0;
  count_.store(count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);  // relaxed: as in push
}

}  // namespace sluice::internal
