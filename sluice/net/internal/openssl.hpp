// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace sluice::net::internal {

struct FreeSsl {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using OwnedSsl = std::unique_ptr<SSL, FreeSsl>;
using OwnedSslContext = std::unique_ptr<SSL_CTX, FreeSsl>;

/// What a context gives to its connections: it outlives the files that it came from, and a context that has newer ones.
struct TlsSettings {
  OwnedSslContext ssl;
  std::string alpn;  ///< as on the wire: each name after its length (RFC 7301 §3.1); a server's is in its order
};

/// What OpenSSL complains about, in its words ("no start line", "certificate has expired"), and empties its list of errors.
/// That list is the thread's: to be called right after the call that failed, before anything that may park.
[[nodiscard]] std::string take_ssl_error();

}  // namespace sluice::net::internal
