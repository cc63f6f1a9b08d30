// SPDX-License-Identifier: MIT
#include <sluice/runtime/pollable.hpp>

#include <cerrno>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/witness.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice {
namespace {

Result<void> wait_for(internal::PollEntry& entry, internal::PollSide& side, internal::ParkReason reason, Context& ctx) {
  if (ctx.is_cancelled()) return ctx.check();
  internal::Waiter waiter(&internal::this_fiber());
  entry.lock.lock();
  if (side.ready) {
    side.ready = false;
    entry.lock.unlock();
    return {};
  }
  SLUICE_ASSERT(side.waiter == nullptr, "one fiber at a time waits for one direction of a descriptor",
                internal::where_it_waits(side.waiter));
  side.waiter = &waiter;
  internal::Wait wait(&ctx);
  if (wait.may_park()) {
    entry.lock.unlock();
    if (wait.park(reason) == reinterpret_cast<std::uintptr_t>(&waiter)) return {};
    entry.lock.lock();
  }
  if (side.waiter == &waiter) side.waiter = nullptr;
  entry.lock.unlock();
  return ctx.check();
}

}  // namespace

Result<std::unique_ptr<Pollable>> Pollable::adopt(int fd) {
  internal::Scheduler& scheduler = internal::Scheduler::running();
  internal::PollEntry* entry = scheduler.poll_entries().take(fd);
  std::unique_ptr<Pollable> pollable(new Pollable(entry));
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail(errno_error(errno, "fcntl"));
  SLUICE_TRY(scheduler.processor().poller.add(*entry));
  return pollable;
}

Pollable::~Pollable() {
  int fd = entry_->fd;
  internal::Scheduler::running().poll_entries().put(entry_);
  ::close(fd);
}

int Pollable::fd() const noexcept { return entry_->fd; }

Result<void> Pollable::wait_readable(Context& ctx) {
  return wait_for(*entry_, entry_->readable, internal::ParkReason::kReadable, ctx);
}

Result<void> Pollable::wait_writable(Context& ctx) {
  return wait_for(*entry_, entry_->writable, internal::ParkReason::kWritable, ctx);
}

bool Pollable::stand_by(Standby& standby, Deadline until) noexcept {
  if (!standby.begin()) return false;
  {
    std::lock_guard hold(entry_->lock);
    internal::PollSide& side = entry_->readable;
    SLUICE_ASSERT(side.waiter == nullptr, "nobody else waits for what a standby is left with",
                  internal::where_it_waits(side.waiter));
    // An edge that came since the last read, or else the end that one told of, which a read after that one would find.
    if (std::exchange(side.ready ? side.ready : entry_->hung_up, false)) standby.wake();
    entry_->standby = &standby;
  }
  return standby.commit(until);  // if true, we may be gone
}

bool Pollable::take_hang_up() noexcept {
  std::lock_guard hold(entry_->lock);
  return std::exchange(entry_->hung_up, false);
}

}  // namespace sluice
