// SPDX-License-Identifier: MIT
#include <sluice/net/memory_stream.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::net {
namespace {

// A wake-up that is kept if nobody waits for it yet. One waiter.
class Bell {
 public:
  void ring() {
    char token = 0;
    static_cast<void>(rung_.try_send(token));  // full: it has been rung already, which is all we want
  }
  Result<void> wait(Context& ctx) {
    SLUICE_TRY(rung_.recv(ctx));
    return {};
  }

 private:
  Chan<char> rung_{1};
};

// One direction. Reader and writer wait for each other with a bell each; a bell rung without need costs a look.
class Pipe {
 public:
  explicit Pipe(std::size_t capacity) : capacity_(capacity) {}

  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) {
    for (;;) {
      if (auto count = try_read(into)) return *count;
      SLUICE_TRY(readable_.wait(ctx));
    }
  }

  std::optional<std::size_t> try_read(std::span<std::byte> into) {
    std::lock_guard hold(mutex_);
    if (!bytes_.empty()) return take_unlocked(into);
    if (ended_) return 0;
    return std::nullopt;
  }

  bool stand_by(Standby& standby, Deadline until) {
    if (!standby.begin()) return false;
    {
      std::lock_guard hold(mutex_);
      if (!bytes_.empty() || ended_) standby.wake();
      standby_ = &standby;
    }
    return standby.commit(until);  // if true, we may be gone
  }

  Result<std::size_t> try_write(std::span<const std::byte> bytes) {
    std::lock_guard hold(mutex_);
    SLUICE_ASSERT(!ended_, "nothing is written after shutdown_write");
    if (abandoned_) return fail(Code::kUnavailable, "write: the peer has closed");
    std::size_t count = std::min(bytes.size(), capacity_ - bytes_.size());
    bytes_.append(reinterpret_cast<const char*>(bytes.data()), count);
    if (count > 0) tell_reader_unlocked();
    return count;
  }

  Result<void> wait_writable(Context& ctx) { return writable_.wait(ctx); }

  void end() {
    std::lock_guard hold(mutex_);
    ended_ = true;
    tell_reader_unlocked();
  }

  void abandon() {
    std::lock_guard hold(mutex_);
    abandoned_ = true;
    standby_ = nullptr;
    writable_.ring();
  }

  bool is_over() {
    std::lock_guard hold(mutex_);
    return ended_ && bytes_.empty();
  }

 private:
  std::size_t take_unlocked(std::span<std::byte> into) {
    std::size_t count = std::min(into.size(), bytes_.size());
    std::memcpy(into.data(), bytes_.data(), count);
    bytes_.erase(0, count);
    writable_.ring();
    return count;
  }

  void tell_reader_unlocked() {
    readable_.ring();
    if (standby_ != nullptr) std::exchange(standby_, nullptr)->wake();
  }

  const std::size_t capacity_;
  Bell readable_;
  Bell writable_;
  Mutex mutex_{LockRank::kNet};
  std::string bytes_;       // guarded by mutex_
  Standby* standby_ = nullptr;  // guarded by mutex_; in place of a reader, unless it was woken otherwise
  bool ended_ = false;      // guarded by mutex_; the writer will send nothing more
  bool abandoned_ = false;  // guarded by mutex_; the reader has gone
};

class MemoryStream final : public Stream {
 public:
  // shared_ptr: the two ends own the two pipes together, for either may be destroyed first.
  MemoryStream(std::shared_ptr<Pipe> incoming, std::shared_ptr<Pipe> outgoing)
      : incoming_(std::move(incoming)), outgoing_(std::move(outgoing)) {}
  MemoryStream(const MemoryStream&) = delete;
  MemoryStream& operator=(const MemoryStream&) = delete;
  ~MemoryStream() override {
    incoming_->abandon();
    outgoing_->end();
  }

  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override {
    SLUICE_ASSERT(!into.empty(), "a read has room for a byte");
    return incoming_->read(ctx, into);
  }
  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override {
    SLUICE_ASSERT(!into.empty(), "a read has room for a byte");
    return incoming_->try_read(into);
  }
  bool stand_by(Standby& standby, Deadline until) override { return incoming_->stand_by(standby, until); }

  Result<void> write(Context& ctx, Pieces pieces) override {
    for (std::span<const std::byte> left : pieces) {
      while (!left.empty()) {
        SLUICE_TRY(std::size_t count, outgoing_->try_write(left));
        left = left.subspan(count);
        if (!left.empty()) SLUICE_TRY(outgoing_->wait_writable(ctx));
      }
    }
    return {};
  }

  Result<std::size_t> try_write(Pieces pieces) override {
    std::size_t total = 0;
    for (std::span<const std::byte> piece : pieces) {
      SLUICE_TRY(std::size_t count, outgoing_->try_write(piece));
      total += count;
      if (count < piece.size()) break;
    }
    return total;
  }

  void shutdown_write() noexcept override { outgoing_->end(); }
  bool peer_has_gone() noexcept override { return incoming_->is_over(); }
  Address peer() const noexcept override { return {}; }

 private:
  const std::shared_ptr<Pipe> incoming_;
  const std::shared_ptr<Pipe> outgoing_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(std::size_t capacity) {
  SLUICE_ASSERT(capacity > 0, "a stream that holds nothing never moves");
  auto forth = std::make_shared<Pipe>(capacity);
  auto back = std::make_shared<Pipe>(capacity);
  return {std::make_unique<MemoryStream>(back, forth), std::make_unique<MemoryStream>(forth, back)};
}

}  // namespace sluice::net
