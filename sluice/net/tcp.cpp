// SPDX-License-Identifier: MIT
//
// A write tries its system call first and waits only when the kernel has no room for it. So does a read, unless the last one
// found the end of what was there: it got less than it had room for, so the next would get nothing. Then it waits first, and
// a request costs one recv and one sendmsg, also where it is awaited. Why no byte is missed by that:
//   · what comes after a short read is news to epoll, which tells of each arrival once, also if what came before was never
//     read: an edge, kept in the entry until a wait or a standby uses it (epoll(7), questions 9 and 10). An edge that came
//     before the read, with bytes that the read took, costs a look in vain.
//   · before a stream is with the poller nobody notes edges; but when it is added, epoll tells what is there already.
//   · the end of the peer's direction is no byte: it may have been part of the edge that brought the last ones, and no
//     further one comes. Hence Pollable::take_hang_up: one look is owed to the bytes, and another one to the end.
//   · who does not wait, but only looks (TLS, for the peer's farewell), asks peer_has_gone() first: it looks at the socket.
//   · urgent data may cut a read short. HTTP has none; a peer that sends some waits for its own next bytes, or time limit.
// A stream is handed to the poller at its first wait, by the fiber that waits, so that connections spread over the processors
// that serve them and not over the one that accepts.
//
// Every system call sits in a small function of its own that is never inlined and returns -errno. The callers park, may
// go on on another thread, and the compiler believes that the address of errno never changes (design.md §4).
#include <sluice/net/tcp.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/net/internal/socket_address.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::net {
namespace {

using internal::SocketAddress;
using internal::to_address;

// Connections that the kernel completes before we accept them. A burst of newcomers fits; the kernel cuts it to somaxconn.
constexpr int kBacklog = 4096;
// No descriptors left: others must close theirs first, and asking the kernel again at once would only burn the processor.
constexpr Duration kDescriptorWait = std::chrono::milliseconds(20);
// More pieces than any caller has (head, body, and some of a chunked reply); the rest goes with the next call.
constexpr std::size_t kPiecesPerCall = 8;

bool would_block(ssize_t result) noexcept { return result == -EAGAIN || result == -EWOULDBLOCK; }

Error system_error(ssize_t result, const char* what) { return errno_error(static_cast<int>(-result), what); }

[[gnu::noinline]] ssize_t receive(int fd, std::span<std::byte> into) noexcept {
  ssize_t count;
  do count = ::recv(fd, into.data(), into.size(), 0);
  while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

[[gnu::noinline]] ssize_t send(int fd, iovec* pieces, std::size_t count) noexcept {
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  ssize_t sent;
  // For one piece, as most replies are, send() spares the kernel the copy of a message's head and of the list of pieces.
  do sent = count == 1 ? ::send(fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
                       : ::sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

[[gnu::noinline]] ssize_t peek(int fd) noexcept {
  char byte;
  ssize_t count = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 ? -errno : count;
}

[[gnu::noinline]] int accept_one(int fd, SocketAddress& peer) noexcept {
  peer.size = sizeof peer.storage;
  int accepted = ::accept4(fd, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return accepted < 0 ? -errno : accepted;
}

[[gnu::noinline]] int open_socket(int family) noexcept {
  int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  return fd < 0 ? -errno : fd;
}

[[gnu::noinline]] int begin_connect(int fd, SocketAddress& address) noexcept {
  int result = ::connect(fd, address.get(), address.size);
  return result < 0 ? -errno : 0;
}

// 0: connected. -EINPROGRESS: not yet. Otherwise why not.
[[gnu::noinline]] int connect_outcome(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  if (error != 0) return -error;
  SocketAddress peer;
  if (::getpeername(fd, peer.get(), &peer.size) == 0) return 0;
  return errno == ENOTCONN ? -EINPROGRESS : -errno;
}

[[gnu::noinline]] int bind_and_listen(int fd, SocketAddress& address) noexcept {
  int on = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return -errno;
  if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, kBacklog) != 0) return -errno;
  address.size = sizeof address.storage;
  return ::getsockname(fd, address.get(), &address.size) == 0 ? 0 : -errno;
}

void send_small_writes_at_once(int fd) noexcept {
  int on = 1;
  // Fails only on a connection that is broken already; its next read says so.
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

// A list of pieces and how much of it has been sent.
class Unsent {
 public:
  explicit Unsent(Pieces pieces) noexcept : pieces_(pieces) { skip(0); }

  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }

  // The kernel's form of the next pieces that are not empty.
  std::size_t fill(std::array<iovec, kPiecesPerCall>& vectors) const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < pieces_.size() && count < vectors.size(); ++i) {
      auto piece = i == 0 ? pieces_[0].subspan(sent_of_first_) : pieces_[i];
      if (piece.empty()) continue;
      vectors[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};  // sendmsg reads; its type serves recvmsg as well
    }
    return count;
  }

  void skip(std::size_t count) noexcept {
    sent_of_first_ += count;
    while (!pieces_.empty() && sent_of_first_ >= pieces_[0].size()) {
      sent_of_first_ -= pieces_[0].size();
      pieces_ = pieces_.subspan(1);
    }
  }

 private:
  Pieces pieces_;
  std::size_t sent_of_first_ = 0;
};

class TcpStream final : public Stream {
 public:
  TcpStream(int fd, const Address& peer) : fd_(fd), peer_(peer) { send_small_writes_at_once(fd); }
  TcpStream(std::unique_ptr<Pollable> pollable, const Address& peer)
      : fd_(pollable->fd()), peer_(peer), is_registering_(true), pollable_(pollable.release()) {
    send_small_writes_at_once(fd_);
  }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override {
    // relaxed: nobody uses us any more.
    std::unique_ptr<Pollable> pollable(pollable_.load(std::memory_order_relaxed));
    if (!pollable && !is_lost()) ::close(fd_);
  }

  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override {
    for (;;) {
      SLUICE_TRY(auto count, try_read(into));
      if (count) return *count;
      SLUICE_TRY(Pollable* pollable, registered());
      if (!pollable->take_hang_up()) SLUICE_TRY(pollable->wait_readable(ctx));
      is_drained_.store(false, std::memory_order_relaxed);  // relaxed: see is_drained_
    }
  }

  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override {
    SLUICE_ASSERT(!into.empty(), "a read has room for a byte");
    if (is_lost()) return fail(lost());
    if (is_drained_.load(std::memory_order_relaxed)) return std::nullopt;  // relaxed: see is_drained_
    ssize_t count = receive(fd_, into);
    if (count < 0 && !would_block(count)) return fail(system_error(count, "recv"));
    bool is_all = count != 0 && count < static_cast<ssize_t>(into.size());  // the end is there to be read again
    is_drained_.store(is_all, std::memory_order_relaxed);                   // relaxed: see is_drained_
    if (count < 0) return std::nullopt;
    return static_cast<std::size_t>(count);
  }

  bool stand_by(Standby& standby, Deadline until) override {
    // Whoever comes next, comes because of news; and after stand_by() we may be gone. relaxed: see is_drained_.
    is_drained_.store(false, std::memory_order_relaxed);
    auto pollable = registered();
    return pollable && (*pollable)->stand_by(standby, until);
  }

  Result<void> write(Context& ctx, Pieces pieces) override {
    for (Unsent unsent(pieces); !unsent.empty();) {
      SLUICE_TRY(std::size_t count, send_some(unsent));
      unsent.skip(count);
      if (count > 0) continue;
      SLUICE_TRY(Pollable* pollable, registered());
      SLUICE_TRY(pollable->wait_writable(ctx));
    }
    return {};
  }

  Result<std::size_t> try_write(Pieces pieces) override {
    Unsent unsent(pieces);
    if (unsent.empty()) return 0;
    return send_some(unsent);
  }

  void shutdown_write() noexcept override {
    if (!is_lost()) ::shutdown(fd_, SHUT_WR);
  }

  bool peer_has_gone() noexcept override {
    if (is_lost()) return true;
    ssize_t count = peek(fd_);
    // relaxed: see is_drained_.
    if (count > 0) is_drained_.store(false, std::memory_order_relaxed);
    return count == 0 || (count < 0 && !would_block(count) && count != -EINTR);
  }

  Address peer() const noexcept override { return peer_; }

 private:
  Result<std::size_t> send_some(const Unsent& unsent) {
    if (is_lost()) return fail(lost());
    std::array<iovec, kPiecesPerCall> vectors;
    ssize_t count = send(fd_, vectors.data(), unsent.fill(vectors));
    if (would_block(count)) return 0;
    if (count < 0) return fail(system_error(count, "sendmsg"));
    return static_cast<std::size_t>(count);
  }

  Result<Pollable*> registered() {
    for (;;) {
      // acquire: pairs with the release below; who sees it, sees it complete.
      if (Pollable* pollable = pollable_.load(std::memory_order_acquire)) return pollable;
      if (is_lost()) return fail(lost());
      // relaxed: only one gets through, and it needs nothing from the others.
      if (!is_registering_.exchange(true, std::memory_order_relaxed)) break;
      yield();  // the other side is at it, on another processor: two system calls
    }
    auto adopted = Pollable::adopt(fd_);
    // relaxed: see is_lost_.
    if (!adopted) is_lost_.store(true, std::memory_order_relaxed);
    SLUICE_TRY(auto pollable, std::move(adopted));
    pollable_.store(pollable.get(), std::memory_order_release);  // release: pairs with the acquire above
    return pollable.release();
  }

  [[nodiscard]] bool is_lost() const noexcept {
    return is_lost_.load(std::memory_order_relaxed);  // relaxed: see is_lost_
  }
  static Error lost() { return Error(Code::kUnavailable, "the poller has no room for this connection"); }

  const int fd_;
  // The last read found the end of what was there. Written by who reads, and by who sees in peer_has_gone() that there is
  // more: both are right, whoever comes last, for a wait looks at the poller's news first. Publishes nothing.
  std::atomic<bool> is_drained_{false};
  const Address peer_;
  // The reader's and the writer's first wait may come together: the first one registers. A Mutex would be most of what an
  // idle connection costs here, for that one moment. Written by both, publishes nothing.
  std::atomic<bool> is_registering_{false};
  // adopt() has failed, and closed the descriptor. Written by who registers, read by both sides before they use it; a flag
  // by itself, publishes nothing.
  std::atomic<bool> is_lost_{false};
  std::atomic<Pollable*> pollable_{nullptr};  // ours. Written once, by who registers; publishes the Pollable
};
static_assert(sizeof(TcpStream) <= 56, "what an idle connection costs here");

// Broken before we had it, or no business of the others in the queue (accept(2), "Error handling").
bool concerns_one_connection(int result) noexcept {
  switch (-result) {
    case EINTR: case ECONNABORTED: case EPROTO: case ENOPROTOOPT: case EOPNOTSUPP: case EPERM:
    case ENETDOWN: case ENETUNREACH: case EHOSTDOWN: case EHOSTUNREACH: case ENONET:
      return true;
    default:
      return false;
  }
}

bool lacks_resources(int result) noexcept {
  return result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;
}

class TcpListener final : public Listener {
 public:
  TcpListener(std::unique_ptr<Pollable> pollable, const Address& address)
      : pollable_(std::move(pollable)), address_(address) {}

  Result<std::unique_ptr<Stream>> accept(Context& ctx) override {
    for (;;) {
      SLUICE_TRY(ctx.check());  // a flood of newcomers must not keep us from stopping
      SocketAddress peer;
      int fd = accept_one(pollable_->fd(), peer);
      if (fd >= 0) return std::make_unique<TcpStream>(fd, to_address(peer.get()));
      if (concerns_one_connection(fd)) continue;
      if (lacks_resources(fd)) {
        SLUICE_TRY(sleep(ctx, kDescriptorWait));
      } else if (would_block(fd)) {
        SLUICE_TRY(pollable_->wait_readable(ctx));
      } else {
        return fail(system_error(fd, "accept"));
      }
    }
  }

  Address address() const noexcept override { return address_; }

 private:
  const std::unique_ptr<Pollable> pollable_;
  const Address address_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen(const Address& address) {
  SocketAddress bound(address);
  int fd = open_socket(bound.family());
  if (fd < 0) return fail(system_error(fd, "socket"));
  if (int result = bind_and_listen(fd, bound); result < 0) {
    ::close(fd);
    return fail(system_error(result, "listen").with(address.to_string()));
  }
  SLUICE_TRY(auto pollable, Pollable::adopt(fd));
  return std::make_unique<TcpListener>(std::move(pollable), to_address(bound.get()));
}

Result<std::unique_ptr<Stream>> connect(Context& ctx, const Address& address) {
  SocketAddress target(address);
  int fd = open_socket(target.family());
  if (fd < 0) return fail(system_error(fd, "socket"));
  int begun = begin_connect(fd, target);
  if (begun == 0) return std::make_unique<TcpStream>(fd, address);
  if (begun != -EINPROGRESS) {
    ::close(fd);
    return fail(system_error(begun, "connect"));
  }
  SLUICE_TRY(auto pollable, Pollable::adopt(fd));
  for (;;) {
    int outcome = connect_outcome(pollable->fd());
    if (outcome == 0) return std::make_unique<TcpStream>(std::move(pollable), address);
    if (outcome != -EINPROGRESS) return fail(system_error(outcome, "connect"));
    SLUICE_TRY(pollable->wait_writable(ctx));
  }
}

Result<std::unique_ptr<Stream>> dial(Context& ctx, const HostPort& place) {
  SLUICE_TRY(auto addresses, resolve(ctx, place));
  Result<std::unique_ptr<Stream>> stream = fail(Code::kNotFound, "no address");
  for (const Address& address : addresses) {
    stream = connect(ctx, address);
    if (stream || ctx.is_cancelled()) break;
  }
  return stream;
}

}  // namespace sluice::net
