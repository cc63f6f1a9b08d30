// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::net {

namespace internal {
struct TlsSettings;
}

/// Files are PEM. Names are go-zero's where it has them.
struct TlsServerOptions {
  std::string cert_file = {};  ///< the server's certificate, then the intermediate ones (CertFile)
  std::string key_file = {};   ///< its private key, without a passphrase (KeyFile)
  /// Whose certificates a client may show. Empty: none is asked for.
  std::string client_ca_file = {};
  /// A client without a certificate is refused; one with a wrong one always is. Requires: client_ca_file.
  bool needs_client_certificate = false;
  /// Protocols in the server's order of preference ("h2", "http/1.1"). A client that offers only others is refused; one
  /// that offers none is served. Empty: not negotiated.
  std::vector<std::string> alpn = {};
};

/// What a server proves itself with: certificate, key and rules. TLS 1.2 and 1.3; no renegotiation, no compression, with 1.2
/// only ciphers that have forward secrecy and authentication in one; resumption by tickets, which the server does not keep.
///
///   SLUICE_TRY(auto context, TlsServerContext::load(ctx, {.cert_file = "server.pem", .key_file = "server.key"}));
///   SLUICE_TRY(context->reload(ctx));   // when SIGHUP says that the files are new
///
/// Threads: any. Lifetime: connections made with it may outlive it.
class TlsServerContext {
 public:
  /// Parks while the files are read. kInvalidArgument names field (CertFile, KeyFile, ClientCaFile, Alpn), file and reason:
  /// `bad-certificate-file`, `bad-key-file` (also: is of another certificate), `bad-ca-file`, `bad-alpn`. Or ctx's cause.
  [[nodiscard]] static Result<std::unique_ptr<TlsServerContext>> load(Context& ctx, TlsServerOptions options);
  TlsServerContext(TlsServerOptions options, std::shared_ptr<const internal::TlsSettings> settings);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  /// Reads the files again. From then on handshakes begin with what is in them now; connections that stand go on, as do
  /// handshakes that have begun. Errors as for load(), and then everything stays as it was. Tickets given out before are
  /// not taken any more: their holders make a whole handshake.
  Result<void> reload(Context& ctx);

  /// The files that it reads, for who looks whether they have changed.
  [[nodiscard]] const TlsServerOptions& options() const noexcept { return options_; }
  /// For connections.
  [[nodiscard]] std::shared_ptr<const internal::TlsSettings> settings() const;

 private:
  const TlsServerOptions options_;
  mutable SpinLock lock_;
  // guarded by lock_. Co-owners: handshakes that began with it.
  std::shared_ptr<const internal::TlsSettings> settings_;
};

struct TlsClientOptions {
  /// Who may vouch for servers. Empty: whom the system trusts.
  std::string ca_file = {};
  /// What the client shows if it is asked; both or none.
  std::string cert_file = {};
  std::string key_file = {};
  std::vector<std::string> alpn = {};  ///< offered in this order; empty: none
  /// Talks to whoever answers: anybody on the way can read and change everything. For experiments.
  bool insecure_skip_verify = false;
};

/// What a client judges servers by. The chain and the name or address of the server are verified; TLS 1.2 and 1.3.
/// Threads: any. Lifetime: connections made with it may outlive it.
class TlsClientContext {
 public:
  /// Parks while the files are read. Errors as for TlsServerContext::load(), with the field CaFile.
  [[nodiscard]] static Result<std::unique_ptr<TlsClientContext>> load(Context& ctx, TlsClientOptions options = {});
  explicit TlsClientContext(std::shared_ptr<const internal::TlsSettings> settings) : settings_(std::move(settings)) {}

  /// For connections.
  [[nodiscard]] const std::shared_ptr<const internal::TlsSettings>& settings() const noexcept { return settings_; }

 private:
  const std::shared_ptr<const internal::TlsSettings> settings_;  // co-owners: as in TlsServerContext
};

}  // namespace sluice::net
