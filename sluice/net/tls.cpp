// SPDX-License-Identifier: MIT
//
// One engine and two fibers. mutex_ guards the engine; under it nothing parks. The stream below is asked for what it can do at
// once with mutex_ held, so that ciphertext stays in order; who has to wait does so without:
//
//   the reader    is_reading_ keeps peer_has_gone() from taking the ciphertext that it waits for
//   the writer    takes out what the stream below did not take, and is_sending_ keeps all others from sending meanwhile; what
//                 they have made goes after it
//
// The reader makes ciphertext as well (the answer to a KeyUpdate, an alert), but never waits to send it: a peer that does not
// read must not stop us from reading. It goes at once, or with the next write.
//
// Rejected: waiting for the stream below out of OpenSSL. That would go on in another thread, and find that one's errors.
// Rejected: one record a piece, as http hands them over: a head of 200 bytes costs a record of its own.
#include <sluice/net/tls.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <openssl/x509v3.h>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/net/internal/tls_engine.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice::net {
namespace {

using internal::OwnedSsl;
using internal::TlsEngine;
using internal::TlsSettings;
using Step = TlsEngine::Step;

// RFC 8446 §5.1: what a record can hold.
constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;
// Sent together: a system call for each record would cost as much as encrypting it.
constexpr std::size_t kSendBytes = 4 * kRecordBytes;

// What a reader waits with: most requests fit, and more is taken without waiting.
constexpr std::size_t kWaitBytes = std::size_t{4} * 1024;
// A ClientHello as most clients send it.
constexpr std::size_t kHelloBytes = 512;
// Records without content (KeyUpdates, empty ones) are no reason to go on: a peer that sends nothing else at full speed would
// keep us here.
constexpr std::size_t kSilentBytesMax = std::size_t{1024} * 1024;

using Record = std::array<std::byte, kRecordBytes>;

Error truncated() {
  return Error(Code::kUnavailable, "the peer ended without close_notify").because("truncated");
}

Error broken() { return Error(Code::kUnavailable, "tls: broken before"); }

// Plaintext in pieces, taken record by record.
class Plaintext {
 public:
  explicit Plaintext(Pieces pieces) noexcept : pieces_(pieces) { skip(0); }

  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }

  // The next bytes in one place, as many as a record holds: where they are, if the first piece has enough, else in `buffer`.
  std::span<const std::byte> next(Record& buffer) const noexcept {
    auto first = pieces_[0].subspan(taken_of_first_);
    if (first.size() >= kRecordBytes || pieces_.size() == 1) return first.first(std::min(first.size(), kRecordBytes));
    std::size_t size = 0;
    for (std::size_t i = 0; i < pieces_.size() && size < kRecordBytes; ++i) {
      auto piece = i == 0 ? first : pieces_[i];
      std::size_t count = std::min(piece.size(), kRecordBytes - size);
      if (count > 0) std::memcpy(buffer.data() + size, piece.data(), count);
      size += count;
    }
    return std::span(buffer).first(size);
  }

  void skip(std::size_t count) noexcept {
    taken_of_first_ += count;
    while (!pieces_.empty() && taken_of_first_ >= pieces_[0].size()) {
      taken_of_first_ -= pieces_[0].size();
      pieces_ = pieces_.subspan(1);
    }
  }

 private:
  Pieces pieces_;
  std::size_t taken_of_first_ = 0;
};

class Layer final : public TlsStream {
 public:
  Layer(std::unique_ptr<Stream> below, OwnedSsl ssl) : below_(std::move(below)), engine_(std::move(ssl)) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  // Before anybody else knows of this stream, and once. `first`: what the peer has said already.
  Result<void> shake_hands(Context& ctx, std::span<const std::byte> first = {}) {
    engine_.feed(first);
    for (std::array<std::byte, kWaitBytes> ciphertext;;) {
      auto step = take_step();
      if (!step) {
        // The alert; who gets no more than silence would have to guess. What does not go at once is not worth waiting for.
        static_cast<void>(below_->try_write(output_pieces()));
        return fail(std::move(step).error());
      }
      if (!engine_.output().empty()) SLUICE_TRY(below_->write(ctx, as_bytes(take_output())));
      if (*step == Step::kDone) return {};
      SLUICE_TRY(std::size_t count, below_->read(ctx, ciphertext));
      if (count == 0 || *step == Step::kEnded) return fail(truncated());
      engine_.feed(std::span(ciphertext).first(count));
    }
  }

  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override {
    std::size_t arrived = 0;
    for (std::array<std::byte, kWaitBytes> ciphertext;;) {
      SLUICE_TRY(auto count, receive(std::span(ciphertext).first(arrived), into, true));
      if (count) return *count;
      auto fed = below_->read(ctx, ciphertext);
      if (fed && *fed == 0) fed = fail(truncated());
      if (!fed) {
        stop_reading();
        return fed;
      }
      arrived = *fed;
    }
  }

  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override { return receive({}, into, false); }

  bool stand_by(Standby& standby, Deadline until) override {
    {
      std::lock_guard hold(mutex_);
      auto held = engine_.look();
      static_cast<void>(send_at_once_unlocked());  // as in decrypt_unlocked
      if (!held || *held != Step::kWantsInput) return false;
    }
    return below_->stand_by(standby, until);  // if true, we may be gone
  }

  Result<void> write(Context& ctx, Pieces pieces) override {
    Plaintext left(pieces);
    if (left.empty()) return {};
    left.skip(std::exchange(unreported_, 0));
    do {
      SLUICE_TRY(encrypt(left));
      SLUICE_TRY(send_rest(ctx));
    } while (!left.empty());
    return {};
  }

  // Reports all but the last byte of what it has encrypted while not all of that is on its way: so the caller comes again,
  // with that byte first, and waits in write().
  Result<std::size_t> try_write(Pieces pieces) override {
    std::lock_guard hold(mutex_);
    SLUICE_TRY(send_at_once_unlocked());
    if (!engine_.output().empty()) return 0;
    Plaintext left(pieces);
    if (left.empty()) return 0;
    std::size_t total = std::exchange(unreported_, 0);
    left.skip(total);
    while (!left.empty()) {
      SLUICE_TRY(std::size_t count, encrypt_unlocked(left));
      total += count;
      SLUICE_TRY(send_at_once_unlocked());
      if (engine_.output().empty()) continue;
      unreported_ = 1;
      return total - 1;
    }
    return total;
  }

  void shutdown_write() noexcept override {
    std::lock_guard hold(mutex_);
    if (std::exchange(is_ending_, true)) return;
    if (is_write_broken_) return below_->shutdown_write();
    engine_.end();
    // Fails: the connection is broken, as its reader will see.
    static_cast<void>(send_at_once_unlocked());
  }

  bool peer_has_gone() noexcept override {
    if (below_->peer_has_gone()) return true;
    std::lock_guard hold(mutex_);
    if (is_reading_) return false;  // the reader takes the ciphertext, and sees the end
    auto seen = engine_.look();
    if (seen && *seen == Step::kWantsInput) {
      Record ciphertext;
      auto fed = below_->try_read(ciphertext);
      if (!fed || *fed == std::size_t{0}) return true;
      if (!*fed) return false;
      engine_.feed(std::span(ciphertext).first(**fed));
      seen = engine_.look();
    }
    return !seen || *seen == Step::kEnded;
  }

  Address peer() const noexcept override { return below_->peer(); }

  std::string_view protocol() const noexcept override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(engine_.ssl(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  bool has_verified_peer() const noexcept override {
    return (SSL_get_verify_mode(engine_.ssl()) & SSL_VERIFY_PEER) != 0 &&
           SSL_get0_peer_certificate(engine_.ssl()) != nullptr && SSL_get_verify_result(engine_.ssl()) == X509_V_OK;
  }

 private:
  Result<Step> take_step() {
    if (SSL_is_server(engine_.ssl()) == 1) return engine_.handshake();
    // A client may look for an authority among the system's, a file each.
    return blocking([&] { return engine_.handshake(); });
  }

  // ---- the reader ----

  // `arrived`: ciphertext that it has waited for. Nothing: there is no more; is_reading_ then says that it `will_wait`.
  // Apart from who waits: the stack of a fiber that does so is not to hold a record.
  [[gnu::noinline]] Result<std::optional<std::size_t>> receive(std::span<const std::byte> arrived,
                                                               std::span<std::byte> into, bool will_wait) {
    SLUICE_ASSERT(!into.empty(), "a read has room for a byte");
    std::lock_guard hold(mutex_);
    is_reading_ = false;
    engine_.feed(arrived);
    Record ciphertext;
    for (std::size_t taken = 0; taken <= kSilentBytesMax;) {
      SLUICE_TRY(auto count, decrypt_unlocked(into));
      if (count) return count;
      SLUICE_TRY(auto fed, below_->try_read(ciphertext));
      if (!fed) {
        is_reading_ = will_wait;
        return std::nullopt;
      }
      if (*fed == 0) return fail(truncated());
      engine_.feed(std::span(ciphertext).first(*fed));
      taken += *fed;
    }
    is_write_broken_ = true;
    return fail(Error(Code::kUnavailable, "too much that says nothing").because("bad-record"));
  }

  // Nothing: it needs more ciphertext. 0: the peer has ended its direction.
  Result<std::optional<std::size_t>> decrypt_unlocked(std::span<std::byte> into) {
    std::size_t count = 0;
    auto step = engine_.read(into, count);
    // An answer or an alert. Fails: the writer will see it; what came in before is worth reading.
    static_cast<void>(send_at_once_unlocked());
    if (!step) {
      is_write_broken_ = true;
      return fail(std::move(step).error());
    }
    if (*step == Step::kWantsInput) return std::nullopt;
    return *step == Step::kDone ? count : 0;
  }

  void stop_reading() {
    std::lock_guard hold(mutex_);
    is_reading_ = false;
  }

  // ---- the writer ----

  Result<void> encrypt(Plaintext& left) {
    std::lock_guard hold(mutex_);
    SLUICE_TRY(encrypt_unlocked(left));
    return send_at_once_unlocked();
  }

  // As many records as go together; how many bytes of plaintext that is.
  Result<std::size_t> encrypt_unlocked(Plaintext& left) {
    SLUICE_ASSERT(!is_ending_, "nothing is written after shutdown_write");
    if (is_write_broken_) return fail(broken());
    Record buffer;
    std::size_t total = 0;
    while (!left.empty() && engine_.output().size() < kSendBytes) {
      SLUICE_TRY(std::size_t count, engine_.write(left.next(buffer)));
      left.skip(count);
      total += count;
    }
    return total;
  }

  // What the stream below takes without waiting.
  Result<void> send_at_once_unlocked() {
    if (is_write_broken_) return fail(broken());
    if (is_sending_ || has_ended_below_) return {};
    if (!engine_.output().empty()) {
      auto sent = below_->try_write(output_pieces());
      if (!sent) {
        is_write_broken_ = true;
        return fail(std::move(sent).error());
      }
      drop_output(*sent);
    }
    if (is_ending_ && engine_.output().empty()) {
      has_ended_below_ = true;
      below_->shutdown_write();
    }
    return {};
  }

  // The rest of it, and what comes while that is on its way.
  Result<void> send_rest(Context& ctx) {
    for (;;) {
      std::string ciphertext;
      {
        std::lock_guard hold(mutex_);
        if (engine_.output().empty()) return {};
        ciphertext = take_output();
        is_sending_ = true;
      }
      auto sent = below_->write(ctx, as_bytes(ciphertext));
      std::lock_guard hold(mutex_);
      is_sending_ = false;
      if (!sent) is_write_broken_ = true;
      SLUICE_TRY(std::move(sent));
    }
  }

  // An idle connection holds no buffer: what is empty is given back.
  std::string take_output() noexcept { return std::exchange(engine_.output(), {}); }
  void drop_output(std::size_t count) {
    if (count == engine_.output().size()) {
      static_cast<void>(take_output());
    } else {
      engine_.output().erase(0, count);
    }
  }
  std::array<std::span<const std::byte>, 1> output_pieces() { return {as_bytes(engine_.output())}; }

  const std::unique_ptr<Stream> below_;
  Mutex mutex_{LockRank::kTls};
  TlsEngine engine_;              // guarded by mutex_, once the stream is known
  std::size_t unreported_ = 0;    // the writer's: see try_write
  bool is_reading_ = false;       // guarded by mutex_; the reader waits for ciphertext, or is about to
  bool is_sending_ = false;       // guarded by mutex_; the writer is sending what it took out
  bool is_ending_ = false;        // guarded by mutex_; shutdown_write() was called
  bool has_ended_below_ = false;  // guarded by mutex_; and that has reached the stream below
  bool is_write_broken_ = false;  // guarded by mutex_
};

OwnedSsl make_ssl(const TlsSettings& settings) {
  OwnedSsl ssl(SSL_new(settings.ssl.get()));
  SLUICE_ASSERT(ssl != nullptr, "only memory can lack");
  return ssl;
}

// RFC 6066 §3: a server's name is sent, its address is not. RFC 9525: what of a certificate counts as either.
Result<void> expect(SSL* ssl, std::string host) {
  bool is_address = Address::from_ip(host, 0).has_value();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // What SSL_set_tlsext_host_name is, but for its casts.
  auto send_name = [&] { return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1; };
  bool is_taken = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1
                             : send_name() && SSL_set1_host(ssl, host.c_str()) == 1;
  if (is_taken) return {};
  return fail(Error(Code::kInvalidArgument, internal::take_ssl_error()).because("bad-host"));
}

}  // namespace

Result<std::unique_ptr<TlsStream>> tls_connect(Context& ctx, std::unique_ptr<Stream> below,
                                               const TlsClientContext& context, std::string_view host) {
  SLUICE_ASSERT(!host.empty(), "without a name, any certificate would do");
  OwnedSsl ssl = make_ssl(*context.settings());
  SLUICE_TRY(expect(ssl.get(), std::string(host)));
  SSL_set_connect_state(ssl.get());
  auto stream = std::make_unique<Layer>(std::move(below), std::move(ssl));
  SLUICE_TRY(stream->shake_hands(ctx));
  return stream;
}

Result<std::unique_ptr<TlsStream>> tls_accept(Context& ctx, std::unique_ptr<Stream> below,
                                              const TlsServerContext& context) {
  // A stranger who says nothing costs us no state of OpenSSL's, which is most of what a handshake takes.
  std::array<std::byte, kHelloBytes> hello;
  SLUICE_TRY(std::size_t count, below->read(ctx, hello));
  if (count == 0) return fail(truncated());
  auto settings = context.settings();  // its protocols are looked up in the handshake, whatever is reloaded meanwhile
  OwnedSsl ssl = make_ssl(*settings);
  SSL_set_accept_state(ssl.get());
  auto stream = std::make_unique<Layer>(std::move(below), std::move(ssl));
  SLUICE_TRY(stream->shake_hands(ctx, std::span(hello).first(count)));
  return stream;
}

}  // namespace sluice::net
