// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <openssl/ssl.h>

#include <sluice/base/result.hpp>
#include <sluice/net/internal/openssl.hpp>

namespace sluice::net::internal {

/// TLS without I/O: ciphertext goes in by feed() and comes out in output(). No function here parks, so that OpenSSL begins and
/// ends each call on one thread, where its list of errors is.
/// Threads: one at a time. Source: RFC 8446, RFC 5246; OpenSSL's BIO(7) for the way in and out.
class TlsEngine {
 public:
  /// What an attempt came to. kWantsInput: feed() it first. kEnded: the peer sent close_notify.
  enum class Step { kDone, kWantsInput, kEnded };

  /// Requires: `ssl` has its settings and its side (SSL_set_accept_state, SSL_set_connect_state).
  explicit TlsEngine(OwnedSsl ssl);
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  /// Borrows `ciphertext` until the next call of handshake(), read() or look() returns; that one keeps what it does not
  /// need yet. Requires: one such call between two feed().
  void feed(std::span<const std::byte> ciphertext) noexcept { input_ = ciphertext; }

  /// kDone: agreed. kUnauthenticated `bad-certificate`, kUnavailable `handshake`; there may be output all the same.
  Result<Step> handshake();
  /// Takes plaintext of one record; kDone: `count` bytes, at least one. kUnavailable `bad-record`.
  Result<Step> read(std::span<std::byte> into, std::size_t& count);
  /// kEnded, or why not: there is plaintext (kDone), or no more input. Takes no plaintext.
  Result<Step> look();
  /// Encrypts one record; how many bytes of `plaintext` it took, at least one. Requires: not empty; handshake is done.
  Result<std::size_t> write(std::span<const std::byte> plaintext);
  /// Encrypts close_notify, once.
  void end() noexcept;

  /// Ciphertext for the peer, in order; who has sent some of it takes it out.
  [[nodiscard]] std::string& output() noexcept { return output_; }
  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

 private:
  static const BIO_METHOD* bio_method();
  static int take_input(BIO* bio, char* into, int size);
  static int put_output(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  [[nodiscard]] Result<Step> judge(int outcome, const char* reason);
  void keep_input();

  std::span<const std::byte> input_;  // what feed() lent
  std::string kept_;                  // what came before it and OpenSSL had no room for; hardly ever anything
  std::size_t kept_taken_ = 0;
  std::string output_;
  const OwnedSsl ssl_;
};

}  // namespace sluice::net::internal
