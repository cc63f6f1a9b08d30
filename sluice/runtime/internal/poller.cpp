// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/poller.hpp>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/witness.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::internal {
namespace {

// Enough to empty a busy machine's list in one call; the rest comes with the next.
constexpr std::size_t kEventsPerPoll = 128;

timespec to_timespec(Duration length) noexcept {
  return {static_cast<time_t>(length.count() / 1'000'000'000), static_cast<long>(length.count() % 1'000'000'000)};
}

}  // namespace

PollEntry* PollEntryPool::take(int fd) {
  std::lock_guard hold(lock_);
  PollEntry* entry = free_;
  if (entry != nullptr) {
    free_ = entry->next_free;
  } else {
    entry = &entries_.emplace_back();
  }
  std::lock_guard hold_entry(entry->lock);  // a late event may be looking at it
  entry->fd = fd;
  entry->readable.ready = entry->writable.ready = entry->hung_up = false;
  return entry;
}

void PollEntryPool::put(PollEntry* entry) noexcept {
  {
    std::lock_guard hold(entry->lock);
    SLUICE_ASSERT(entry->readable.waiter == nullptr && entry->writable.waiter == nullptr,
                  "nobody waits for a descriptor that is being closed",
                  where_it_waits(entry->readable.waiter ? entry->readable.waiter : entry->writable.waiter));
    entry->standby = nullptr;
    entry->fd = -1;
  }
  std::lock_guard hold(lock_);
  entry->next_free = free_;
  free_ = entry;
}

Poller::Poller() : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)), event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;  // no edge: it stays until its owner has seen it, whoever else polls in between
  event.data.ptr = nullptr;
  if (epoll_fd_ < 0 || event_fd_ < 0 || ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) != 0) open_error_ = errno;
}

Poller::~Poller() {
  if (event_fd_ >= 0) ::close(event_fd_);
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
}

Result<void> Poller::opened() const {
  if (open_error_ != 0) return fail(errno_error(open_error_, "epoll, eventfd"));
  return {};
}

Result<void> Poller::add(PollEntry& entry) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &entry;
  added_.fetch_add(1, std::memory_order_release);  // release: pairs with the acquire in poll
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, entry.fd, &event) != 0) return fail(errno_error(errno, "epoll_ctl"));
  return {};
}

void Poller::make_ready(PollSide& side, Wakeups& wakeups) noexcept {
  side.ready = true;
  if (side.waiter == nullptr) return;
  Fiber* fiber = side.waiter->fiber;
  if (fiber->claim(reinterpret_cast<std::uintptr_t>(side.waiter))) {
    side.ready = false;  // the waiter uses this edge
    wakeups.add(fiber);
  }
  side.waiter = nullptr;
}

void Poller::wake_standby(PollEntry& entry, Wakeups& wakeups) noexcept {
  auto [is_news, fiber] = std::exchange(entry.standby, nullptr)->claim(Standby::Cause::kReadable);
  if (is_news) entry.readable.ready = false;  // it uses this edge
  if (fiber != nullptr) wakeups.add(fiber);
}

std::size_t Poller::poll(std::optional<Duration> timeout, Wakeups& wakeups) {
  std::array<epoll_event, kEventsPerPoll> events;
  timespec limit = to_timespec(timeout.value_or(Duration::zero()));
  int count = ::epoll_pwait2(epoll_fd_, events.data(), kEventsPerPoll, timeout ? &limit : nullptr, nullptr);
  // acquire: pairs with the release in add; whoever gets an entry's address from the kernel finds the entry complete.
  static_cast<void>(added_.load(std::memory_order_acquire));
  // Anything else would return at once, for ever: better a word than a processor that burns.
  SLUICE_ASSERT(count >= 0 || errno == EINTR, "the kernel has epoll_pwait2 (Linux 5.11)");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      if (timeout != Duration::zero()) forget_interrupts();
      continue;
    }
    auto& entry = *static_cast<PollEntry*>(event.data.ptr);
    std::lock_guard hold(entry.lock);
    // An error or a hang-up ends both waits; the system call that follows will say which it was.
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) entry.hung_up = true;
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
      make_ready(entry.readable, wakeups);
      if (entry.standby != nullptr) wake_standby(entry, wakeups);
    }
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) make_ready(entry.writable, wakeups);
  }
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

void Poller::interrupt() noexcept {
  std::uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(event_fd_, &one, sizeof one);  // full: then one is pending anyway
}

bool Poller::watch(Poller& other) noexcept {
  epoll_event event{};
  // An edge: an interrupt that is still pending over there would end each poll here at once, for it is not ours to forget.
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, other.epoll_fd_, &event) == 0;
}

void Poller::unwatch(Poller& other) noexcept {
  int result = ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, other.epoll_fd_, nullptr);
  SLUICE_ASSERT(result == 0, "it was watched");
}

void Poller::forget_interrupts() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] ssize_t got = ::read(event_fd_, &count, sizeof count);  // empty: somebody was faster
}

}  // namespace sluice::internal
