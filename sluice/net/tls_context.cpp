// SPDX-License-Identifier: MIT
//
// All that can be wrong with files is found here, in one blocking call; connections only take what came out of it.
#include <sluice/net/tls_context.hpp>

#include <string_view>
#include <utility>

#include <openssl/err.h>

#include <sluice/base/assert.hpp>
#include <sluice/net/internal/openssl.hpp>
#include <sluice/runtime/blocking.hpp>

namespace sluice::net {
namespace internal {

std::string take_ssl_error() {
  unsigned long error = ERR_peek_error();  // the first one; those after it are how the layers above put it ("PEM lib")
  const char* reason = ERR_SYSTEM_ERROR(error) ? nullptr : ERR_reason_error_string(error);
  std::string text = ERR_SYSTEM_ERROR(error) ? std::string(errno_error(ERR_GET_REASON(error), "open").detail())
                                             : std::string(reason ? reason : "no reason given");
  ERR_clear_error();
  return text;
}

}  // namespace internal

namespace {

using internal::OwnedSslContext;
using internal::take_ssl_error;
using internal::TlsSettings;
using Settings = std::shared_ptr<const TlsSettings>;

// TLS 1.2: ephemeral keys and authenticated encryption only (RFC 9325 §4.2). Those of 1.3 are all of that kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::size_t kProtocolBytesMax = 255;  // RFC 7301 §3.1: the length is one byte
// Any value: says that a ticket is ours and not of another context with the same keys, which there is none of.
constexpr unsigned char kSessionContext[] = "sluice";

std::unexpected<Error> refuse(const char* reason, const char* field, std::string_view file, std::string why) {
  Error error(Code::kInvalidArgument, file.empty() ? "is missing" : std::string(file) + ": " + std::move(why));
  return fail(std::move(error).because(reason).at(field));
}

// OpenSSL would ask on the terminal, and the service would hang.
int no_passphrase(char*, int, int, void*) { return 0; }

Result<std::string> to_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > kProtocolBytesMax)
      return fail(Error(Code::kInvalidArgument, "a protocol's name has 1 to 255 bytes").because("bad-alpn").at("Alpn"));
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  return wire;
}

OwnedSslContext make_context(const SSL_METHOD* method) {
  ERR_clear_error();  // what others have left behind in this thread
  OwnedSslContext ssl(SSL_CTX_new(method));
  SLUICE_ASSERT(ssl != nullptr, "only memory can lack");
  SSL_CTX_set_min_proto_version(ssl.get(), TLS1_2_VERSION);
  // A phone that computes AES in software says so by asking for ChaCha20 first, and gets it.
  SSL_CTX_set_options(ssl.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no buffers; a write may take a part and go on from a copy of the rest.
  SSL_CTX_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(ssl.get(), 1);  // header and body of a record in one go
  SSL_CTX_set_session_cache_mode(ssl.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(ssl.get(), &no_passphrase);
  bool is_known = SSL_CTX_set_cipher_list(ssl.get(), kCiphers) == 1;
  SLUICE_ASSERT(is_known, "OpenSSL 3 has these ciphers");
  return ssl;
}

Result<void> use_certificate(SSL_CTX* ssl, const std::string& cert_file, const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(ssl, cert_file.c_str()) != 1)
    return refuse("bad-certificate-file", "CertFile", cert_file, take_ssl_error());
  if (SSL_CTX_use_PrivateKey_file(ssl, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(ssl) != 1)  // one of another kind (RSA, EC) would stand beside the certificate unnoticed
    return refuse("bad-key-file", "KeyFile", key_file, take_ssl_error());
  return {};
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void* settings) {
  const std::string& ours = static_cast<const TlsSettings*>(settings)->alpn;
  unsigned char* found = nullptr;
  int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                      static_cast<unsigned int>(ours.size()), offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 §3.2
}

Result<void> ask_for_client_certificate(SSL_CTX* ssl, const TlsServerOptions& options) {
  const std::string& file = options.client_ca_file;
  if (SSL_CTX_load_verify_file(ssl, file.c_str()) != 1)
    return refuse("bad-ca-file", "ClientCaFile", file, take_ssl_error());
  auto* names = SSL_load_client_CA_file(file.c_str());
  if (names == nullptr) return refuse("bad-ca-file", "ClientCaFile", file, take_ssl_error());
  SSL_CTX_set_client_CA_list(ssl, names);  // now its own
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (options.needs_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  SSL_CTX_set_session_id_context(ssl, kSessionContext, sizeof kSessionContext);
  return {};
}

Result<Settings> read_server(const TlsServerOptions& options) {
  auto settings = std::make_shared<TlsSettings>();
  settings->ssl = make_context(TLS_server_method());
  SSL_CTX* ssl = settings->ssl.get();
  SLUICE_TRY(use_certificate(ssl, options.cert_file, options.key_file));
  if (!options.client_ca_file.empty()) {
    SLUICE_TRY(ask_for_client_certificate(ssl, options));
  } else if (options.needs_client_certificate) {
    return refuse("bad-ca-file", "ClientCaFile", "", "");
  }
  SLUICE_TRY(settings->alpn, to_wire(options.alpn));
  if (!settings->alpn.empty()) SSL_CTX_set_alpn_select_cb(ssl, &choose_protocol, settings.get());
  return settings;
}

Result<Settings> read_client(const TlsClientOptions& options) {
  auto settings = std::make_shared<TlsSettings>();
  settings->ssl = make_context(TLS_client_method());
  SSL_CTX* ssl = settings->ssl.get();
  bool has_authorities = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(ssl) == 1
                                                 : SSL_CTX_load_verify_file(ssl, options.ca_file.c_str()) == 1;
  if (!has_authorities) return refuse("bad-ca-file", "CaFile", options.ca_file, take_ssl_error());
  if (!options.cert_file.empty() || !options.key_file.empty())
    SLUICE_TRY(use_certificate(ssl, options.cert_file, options.key_file));
  SSL_CTX_set_verify(ssl, options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  SLUICE_TRY(settings->alpn, to_wire(options.alpn));
  if (!settings->alpn.empty())
    SSL_CTX_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(settings->alpn.data()),
                            static_cast<unsigned int>(settings->alpn.size()));
  return settings;
}

}  // namespace

Result<std::unique_ptr<TlsServerContext>> TlsServerContext::load(Context& ctx, TlsServerOptions options) {
  SLUICE_TRY(auto settings, blocking(ctx, [options] { return read_server(options); }));
  return std::make_unique<TlsServerContext>(std::move(options), std::move(settings));
}

TlsServerContext::TlsServerContext(TlsServerOptions options, Settings settings)
    : options_(std::move(options)), settings_(std::move(settings)) {}

Result<void> TlsServerContext::reload(Context& ctx) {
  SLUICE_TRY(auto settings, blocking(ctx, [options = options_] { return read_server(options); }));
  std::lock_guard hold(lock_);
  settings_.swap(settings);  // the old one goes after the lock
  return {};
}

Settings TlsServerContext::settings() const {
  std::lock_guard hold(lock_);
  return settings_;
}

Result<std::unique_ptr<TlsClientContext>> TlsClientContext::load(Context& ctx, TlsClientOptions options) {
  SLUICE_TRY(auto settings, blocking(ctx, [options = std::move(options)] { return read_client(options); }));
  return std::make_unique<TlsClientContext>(std::move(settings));
}

}  // namespace sluice::net
