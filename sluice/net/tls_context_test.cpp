// SPDX-License-Identifier: MIT
#include <sluice/net/tls_context.hpp>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/net/memory_stream.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/net/tls_authority_test.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::net {
namespace {

void overwrite(const std::string& file, std::string_view text) { std::ofstream(file) << text; }

// With a passphrase, if there is one.
void write_key(EVP_PKEY* made, const std::string& file, std::string_view passphrase = "") {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(made, &EVP_PKEY_free);
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(file.c_str(), "w"), &BIO_free);
  const auto* word = reinterpret_cast<const unsigned char*>(passphrase.data());
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), passphrase.empty() ? nullptr : EVP_aes_128_cbc(), word,
                                     static_cast<int>(passphrase.size()), nullptr, nullptr), 1);
}

// Whether a client that expects `host` can agree with the server; then both have exchanged a word.
bool agrees(Context& ctx, const TlsServerContext& server_context, const TlsClientContext& client_context,
            std::string_view host) {
  auto [near, far] = memory_pair(1 << 20);
  TaskGroup group(ctx);
  std::unique_ptr<TlsStream> server;
  group.go([&, below = std::move(far)](Context& own) mutable -> Result<void> {
    auto accepted = tls_accept(own, std::move(below), server_context);
    if (!accepted) return {};
    server = *std::move(accepted);
    return server->Stream::write(own, as_bytes("hi"));
  });
  auto client = tls_connect(ctx, std::move(near), client_context, host);
  std::array<std::byte, 8> buffer;
  bool agreed = client && (*client)->read(ctx, buffer) == 2U;
  EXPECT_TRUE(group.wait());
  return agreed;
}

TEST(TlsContext, NamesTheFileAndTheReasonWhenItCannotLoad) {
  in_virtual_time([](Context& ctx) {
    TestAuthority authority;
    auto good = authority.issue({});
    auto other = authority.issue({}, "other");
    const std::string junk = authority.path("junk.pem"), missing = authority.path("missing.pem");
    overwrite(junk, "no certificate at all\n");
    const std::string rsa = authority.path("rsa.key");
    write_key(EVP_RSA_gen(2048), rsa);
    struct Case {
      TlsServerOptions options;
      const char *field, *reason, *file, *why;
    };
    const Case cases[] = {
        {{.cert_file = missing, .key_file = good.key}, "CertFile", "bad-certificate-file", "missing.pem", "No such file"},
        {{.cert_file = junk, .key_file = good.key}, "CertFile", "bad-certificate-file", "junk.pem", "no start line"},
        {{.cert_file = good.cert, .key_file = junk}, "KeyFile", "bad-key-file", "junk.pem", ""},
        {{.cert_file = good.cert, .key_file = other.key}, "KeyFile", "bad-key-file", "other.key", "key values mismatch"},
        {{.cert_file = good.cert, .key_file = rsa}, "KeyFile", "bad-key-file", "rsa.key", ""},
        {{.cert_file = good.cert, .key_file = good.key, .client_ca_file = junk}, "ClientCaFile", "bad-ca-file", "junk.pem", ""},
        {{.cert_file = good.cert, .key_file = good.key, .needs_client_certificate = true}, "ClientCaFile", "bad-ca-file", "", ""},
        {{.cert_file = good.cert, .key_file = good.key, .alpn = {""}}, "Alpn", "bad-alpn", "", ""},
        {{.cert_file = good.cert, .key_file = good.key, .alpn = {std::string(256, 'x')}}, "Alpn", "bad-alpn", "", ""},
    };
    for (const Case& one : cases) {
      auto loaded = TlsServerContext::load(ctx, one.options);
      ASSERT_FALSE(loaded) << one.field << one.file;
      EXPECT_EQ(loaded.error().code(), Code::kInvalidArgument);
      EXPECT_EQ(loaded.error().field(), one.field);
      EXPECT_EQ(loaded.error().reason(), one.reason);
      EXPECT_TRUE(loaded.error().detail().contains(one.file)) << loaded.error().detail();
      EXPECT_TRUE(loaded.error().detail().contains(one.why)) << loaded.error().detail();
    }
    auto client = TlsClientContext::load(ctx, {.ca_file = junk});
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().field(), "CaFile");
    EXPECT_TRUE(TlsClientContext::load(ctx));  // whom the system trusts
    EXPECT_TRUE(TlsServerContext::load(ctx, {.cert_file = good.cert, .key_file = good.key, .alpn = {std::string(255, 'x')}}));
  });
}

TEST(TlsContext, RefusesAKeyWithAPassphraseInsteadOfAskingTheTerminal) {
  in_virtual_time([](Context& ctx) {
    TestAuthority authority;
    auto files = authority.issue({});
    write_key(EVP_EC_gen("P-256"), files.key, "sesame");
    auto loaded = TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().field(), "KeyFile");
  });
}

TEST(TlsContext, TakesNewFilesForNewHandshakesAndLeavesRunningConnectionsAlone) {
  in_virtual_time([](Context& ctx) {
    TestAuthority authority;
    auto files = authority.issue({.name = "old.test"});
    auto context = TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key, .alpn = {"h2"}});
    auto client_context = TlsClientContext::load(ctx, {.ca_file = authority.ca_file(), .alpn = {"h2"}});
    ASSERT_TRUE(context && client_context);
    EXPECT_TRUE(agrees(ctx, **context, **client_context, "old.test"));

    // A handshake in whose midst they are reloaded: what the server says is a second on its way.
    auto [near, to_server] = memory_pair(1 << 20);
    auto [to_client, far] = memory_pair(1 << 20);
    TaskGroup group(ctx);
    std::unique_ptr<TlsStream> server, client;
    auto carry = [&](Stream& from, Stream& to, Duration delay) {
      return [&, delay](Context& own) {
        std::array<std::byte, 4096> buffer;
        for (;;) {
          auto count = from.read(own, buffer);
          if (!count || *count == 0 || !sleep(own, delay)) return;
          static_cast<void>(to.write(own, std::span<const std::byte>(buffer).first(*count)));
        }
      };
    };
    group.go(carry(*to_server, *to_client, Duration::zero()));
    group.go(carry(*to_client, *to_server, std::chrono::seconds(1)));
    group.go([&, below = std::move(far)](Context& own) mutable -> Result<void> {
      SLUICE_TRY(server, tls_accept(own, std::move(below), **context));
      return {};
    });
    group.go([&, below = std::move(near)](Context& own) mutable -> Result<void> {
      SLUICE_TRY(client, tls_connect(own, std::move(below), **client_context, "old.test"));
      return {};
    });
    let_all_park(ctx);
    authority.issue({.name = "new.test"});
    ASSERT_TRUE((*context)->reload(ctx));
    EXPECT_FALSE(agrees(ctx, **context, **client_context, "old.test"));
    EXPECT_TRUE(agrees(ctx, **context, **client_context, "new.test"));
    ASSERT_TRUE(sleep(ctx, std::chrono::seconds(5)));
    ASSERT_TRUE(server && client);
    context->reset();  // connections outlive it
    EXPECT_EQ(server->protocol(), "h2");
    ASSERT_TRUE(server->Stream::write(ctx, as_bytes("hi")));
    ASSERT_TRUE(sleep(ctx, std::chrono::seconds(5)));
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(client->read(ctx, buffer), 2U);
    group.context().cancel();
    static_cast<void>(group.wait());
  });
}

TEST(TlsContext, KeepsWhatItHasWhenTheNewFilesAreBroken) {
  in_virtual_time([](Context& ctx) {
    TestAuthority authority;
    auto files = authority.issue({});
    auto context = TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key});
    auto client_context = TlsClientContext::load(ctx, {.ca_file = authority.ca_file()});
    ASSERT_TRUE(context && client_context);
    const std::string other_key = authority.issue({}, "other").key;
    std::filesystem::copy_file(other_key, files.key, std::filesystem::copy_options::overwrite_existing);
    auto mismatched = (*context)->reload(ctx);
    ASSERT_FALSE(mismatched);
    EXPECT_EQ(mismatched.error().field(), "KeyFile");
    EXPECT_TRUE(agrees(ctx, **context, **client_context, "server.test"));
    overwrite(files.cert, "-----BEGIN CERTIFICATE-----\nhalf of it");
    auto reloaded = (*context)->reload(ctx);
    ASSERT_FALSE(reloaded);
    EXPECT_EQ(reloaded.error().field(), "CertFile");
    EXPECT_TRUE(reloaded.error().detail().contains(files.cert)) << reloaded.error().detail();
    EXPECT_TRUE(agrees(ctx, **context, **client_context, "server.test"));
  });
}

TEST(TlsContext, ReloadsWhileHandshakesGoOn) {
  on_processors(2, [](Context& ctx) {
    TestAuthority authority;
    auto files = authority.issue({});
    auto context = TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key});
    auto client_context = TlsClientContext::load(ctx, {.ca_file = authority.ca_file()});
    ASSERT_TRUE(context && client_context);
    constexpr int kHandshakes = kSanitized ? 20 : 100;
    TaskGroup group(ctx);
    for (int fiber = 0; fiber < 2; ++fiber) {
      group.go([&](Context& own) -> Result<void> {
        for (int i = 0; i < kHandshakes; ++i) EXPECT_TRUE(agrees(own, **context, **client_context, "server.test"));
        return {};
      });
    }
    for (int i = 0; i < kHandshakes; ++i) {
      EXPECT_TRUE((*context)->reload(ctx));
      yield();
    }
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice::net
