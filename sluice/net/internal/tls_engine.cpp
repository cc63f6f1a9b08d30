// SPDX-License-Identifier: MIT
//
// A BIO of our own in place of a pair of memory BIOs: those keep their buffers for the life of the connection, and copy once
// more. OpenSSL reads ahead, so what is fed goes at once into its buffer for a record, which it releases when it is empty.
#include <sluice/net/internal/tls_engine.hpp>

#include <algorithm>
#include <climits>
#include <cstring>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

namespace sluice::net::internal {
namespace {

// What waits to be sent at a time, at most: four records of our own (tls.cpp), and what a peer that never reads can make us
// write, its KeyUpdates being answered.
constexpr std::size_t kOutputMax = std::size_t{128} * 1024;

// Shorter than what is there only if it is larger than an int.
int as_int(std::size_t size) noexcept { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

const BIO_METHOD* TlsEngine::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
    SLUICE_ASSERT(made != nullptr, "only memory can lack");
    BIO_meth_set_read(made, &TlsEngine::take_input);
    BIO_meth_set_write(made, &TlsEngine::put_output);
    BIO_meth_set_ctrl(made, &TlsEngine::control);
    return made;
  }();
  return method;
}

TlsEngine::TlsEngine(OwnedSsl ssl) : ssl_(std::move(ssl)) {
  BIO* bio = BIO_new(bio_method());
  SLUICE_ASSERT(bio != nullptr, "only memory can lack");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // now its own
}

int TlsEngine::take_input(BIO* bio, char* into, int size) {
  auto& self = *static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto room = static_cast<std::size_t>(size);
  if (std::size_t left = self.kept_.size() - self.kept_taken_; left > 0) {
    std::size_t count = std::min(room, left);
    std::memcpy(into, self.kept_.data() + self.kept_taken_, count);
    self.kept_taken_ += count;
    return as_int(count);
  }
  if (self.input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::size_t count = std::min(room, self.input_.size());
  std::memcpy(into, self.input_.data(), count);
  self.input_ = self.input_.subspan(count);
  return as_int(count);
}

int TlsEngine::put_output(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  self.output_.append(bytes, static_cast<std::size_t>(size));
  return size;
}

long TlsEngine::control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

void TlsEngine::keep_input() {
  kept_.erase(0, std::exchange(kept_taken_, 0));
  kept_.append(as_text(std::exchange(input_, {})));
  if (kept_.empty() && kept_.capacity() > sizeof kept_) std::string().swap(kept_);  // an idle connection holds no buffer
}

// Right after the call that it judges.
Result<TlsEngine::Step> TlsEngine::judge(int outcome, const char* reason) {
  int error = SSL_get_error(ssl_.get(), outcome);
  keep_input();
  if (output_.size() > kOutputMax)
    return fail(Error(Code::kUnavailable, "the peer asks for more answers than it reads").because(reason));
  switch (error) {
    case SSL_ERROR_NONE: return Step::kDone;
    case SSL_ERROR_WANT_READ: return Step::kWantsInput;
    case SSL_ERROR_ZERO_RETURN: return Step::kEnded;
    default: return fail(Error(Code::kUnavailable, take_ssl_error()).because(reason));
  }
}

Result<TlsEngine::Step> TlsEngine::handshake() {
  ERR_clear_error();
  auto step = judge(SSL_do_handshake(ssl_.get()), "handshake");
  if (step) return step;
  long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict == X509_V_OK || (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) == 0) return step;
  return fail(Error(Code::kUnauthenticated, X509_verify_cert_error_string(verdict)).because("bad-certificate"));
}

Result<TlsEngine::Step> TlsEngine::read(std::span<std::byte> into, std::size_t& count) {
  ERR_clear_error();
  return judge(SSL_read_ex(ssl_.get(), into.data(), into.size(), &count), "bad-record");
}

Result<TlsEngine::Step> TlsEngine::look() {
  ERR_clear_error();
  char byte;
  std::size_t count = 0;
  return judge(SSL_peek_ex(ssl_.get(), &byte, 1, &count), "bad-record");
}

Result<std::size_t> TlsEngine::write(std::span<const std::byte> plaintext) {
  ERR_clear_error();
  std::size_t count = 0;
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &count) == 1) return count;
  return fail(Error(Code::kUnavailable, take_ssl_error()).because("bad-record"));
}

void TlsEngine::end() noexcept {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // 0: the peer has not ended yet. Fails only on a connection that is broken already
  ERR_clear_error();
}

}  // namespace sluice::net::internal
