// SPDX-License-Identifier: MIT
#include <sluice/net/tls.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <sluice/base/bytes.hpp>
#include <sluice/net/memory_stream.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/net/tls_authority_test.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWideWire = 1 << 20;

struct Rules {
  std::vector<std::string> client_alpn = {}, server_alpn = {};
  std::string host = "server.test";
  TestAuthority::Subject subject = {};
  bool client_trusts = true, client_skips = false;
  bool asks_client = false, client_shows = false;
};

// The two ends of a TLS connection, and what became of its handshake.
struct Joined {
  std::unique_ptr<TlsStream> client, server;
  std::optional<Error> client_error, server_error;
};

class World {
 public:
  World(Context& ctx, const Rules& rules = {}) : rules_(rules) {
    auto files = authority.issue(rules.subject);
    auto shown = authority.issue({.name = "client.test"}, "client");
    auto server = TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key,
                                               .client_ca_file = rules.asks_client ? authority.ca_file() : "",
                                               .needs_client_certificate = rules.asks_client, .alpn = rules.server_alpn});
    auto client = TlsClientContext::load(ctx, {.ca_file = rules.client_trusts ? authority.ca_file() : stranger_.ca_file(),
                                               .cert_file = rules.client_shows ? shown.cert : "",
                                               .key_file = rules.client_shows ? shown.key : "",
                                               .alpn = rules.client_alpn, .insecure_skip_verify = rules.client_skips});
    EXPECT_TRUE(server) << server.error().describe();
    EXPECT_TRUE(client) << client.error().describe();
    server_context = std::move(*server);
    client_context = std::move(*client);
  }

  Joined join(Context& ctx, std::unique_ptr<Stream> client, std::unique_ptr<Stream> server) {
    Joined joined;
    TaskGroup group(ctx);
    group.go([&](Context& own) -> Result<void> {
      auto accepted = tls_accept(own, std::move(server), *server_context);
      if (accepted) joined.server = *std::move(accepted); else joined.server_error = accepted.error();
      return {};
    });
    auto connected = tls_connect(ctx, std::move(client), *client_context, rules_.host);
    if (connected) joined.client = *std::move(connected); else joined.client_error = connected.error();
    EXPECT_TRUE(group.wait());
    return joined;
  }
  Joined join(Context& ctx, std::size_t wire_bytes = kWideWire) {
    auto [client, server] = memory_pair(wire_bytes);
    return join(ctx, std::move(client), std::move(server));
  }

  TestAuthority authority;
  std::unique_ptr<TlsServerContext> server_context;
  std::unique_ptr<TlsClientContext> client_context;

 private:
  const Rules rules_;
  TestAuthority stranger_{"stranger"};
};

Result<std::string> read_all(Context& ctx, Stream& stream) {
  std::string all;
  for (std::array<std::byte, 4096> buffer;;) {
    SLUICE_TRY(std::size_t count, stream.read(ctx, buffer));
    if (count == 0) return all;
    all.append(as_text(std::span(buffer).first(count)));
  }
}

std::string read_some(Context& ctx, Stream& stream) {
  std::array<std::byte, 4096> buffer;
  auto count = stream.read(ctx, buffer);
  return count ? std::string(as_text(std::span(buffer).first(*count))) : "error " + std::string(count.error().reason());
}

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

// Passes on what it reads in small pieces, and cuts it off after so many bytes.
class Drip final : public Stream {
 public:
  explicit Drip(std::unique_ptr<Stream> below, std::size_t piece, std::size_t ends_after = SIZE_MAX)
      : below_(std::move(below)), piece_(piece), left_(ends_after) {}
  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override {
    if (left_ == 0) return 0;
    auto count = below_->read(ctx, into.first(std::min({into.size(), piece_, left_})));
    if (count) left_ -= *count;
    return count;
  }
  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override {
    if (left_ == 0) return 0;
    auto count = below_->try_read(into.first(std::min({into.size(), piece_, left_})));
    if (count && *count) left_ -= **count;
    return count;
  }
  bool stand_by(Standby& standby, Deadline until) override { return below_->stand_by(standby, until); }
  Result<void> write(Context& ctx, Pieces pieces) override { return below_->write(ctx, pieces); }
  Result<std::size_t> try_write(Pieces pieces) override { return below_->try_write(pieces); }
  void shutdown_write() noexcept override { below_->shutdown_write(); }
  bool peer_has_gone() noexcept override { return below_->peer_has_gone(); }
  Address peer() const noexcept override { return below_->peer(); }

 private:
  const std::unique_ptr<Stream> below_;
  const std::size_t piece_;
  std::size_t left_;
};

TEST(Tls, CarriesBytesBothWaysAndEndsInBoth) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    ASSERT_TRUE(joined.client) << joined.client_error->describe();
    EXPECT_TRUE(joined.client->has_verified_peer());
    EXPECT_FALSE(joined.server->has_verified_peer());
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("ping")));
    ASSERT_TRUE(joined.server->Stream::write(ctx, as_bytes("pong")));
    joined.client->shutdown_write();
    EXPECT_EQ(read_all(ctx, *joined.server), "ping");
    ASSERT_TRUE(joined.server->Stream::write(ctx, as_bytes(" after your end")));
    joined.server->shutdown_write();
    EXPECT_EQ(read_all(ctx, *joined.client), "pong after your end");
  });
}

TEST(Tls, GathersPiecesIntoRecordsAndReadsOneAtATime) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    const std::string body = pattern(100'000);
    std::array<std::span<const std::byte>, 4> pieces{as_bytes("head "), {}, as_bytes(body), as_bytes(" tail")};
    ASSERT_TRUE(joined.client->write(ctx, pieces));
    std::vector<std::byte> large(kWideWire);
    auto first = joined.server->read(ctx, large);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, 16U * 1024);
    std::string got(as_text(std::span(large).first(*first)));
    joined.client->shutdown_write();
    got += read_all(ctx, *joined.server).value_or("");
    EXPECT_TRUE(got == "head " + body + " tail");
  });
}

TEST(Tls, RefusesAServerThatItCannotTrust) {
  struct Case {
    const char* what;
    Rules rules;
  };
  const Case cases[] = {
      {"another name", {.host = "other.test"}},
      {"another address", {.host = "127.0.0.2"}},
      {"expired", {.subject = {.begins = -48h, .ends = -1h}}},
      {"not yet valid", {.subject = {.begins = 1h}}},
      {"unknown authority", {.client_trusts = false}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    in_virtual_time([&](Context& ctx) {
      World world(ctx, one.rules);
      auto joined = world.join(ctx);
      ASSERT_TRUE(joined.client_error);
      EXPECT_EQ(joined.client_error->code(), Code::kUnauthenticated) << joined.client_error->describe();
      EXPECT_EQ(joined.client_error->reason(), "bad-certificate");
      ASSERT_TRUE(joined.server_error);  // it is told
      EXPECT_EQ(joined.server_error->reason(), "handshake") << joined.server_error->describe();
    });
  }
}

TEST(Tls, TakesAnAddressThatTheCertificateNames) {
  in_virtual_time([](Context& ctx) {
    World world(ctx, {.host = "127.0.0.1"});
    EXPECT_TRUE(world.join(ctx).client);
  });
}

TEST(Tls, TakesAnyServerOnlyIfItIsToldTo) {
  in_virtual_time([](Context& ctx) {
    World world(ctx, {.host = "other.test", .client_trusts = false, .client_skips = true});
    auto joined = world.join(ctx);
    ASSERT_TRUE(joined.client) << joined.client_error->describe();
    EXPECT_FALSE(joined.client->has_verified_peer());
  });
}

TEST(Tls, AgreesOnTheProtocolThatTheServerPrefers) {
  using List = std::vector<std::string>;
  auto agreed = [](const List& client, const List& server) {
    std::string protocol;
    in_virtual_time([&](Context& ctx) {
      World world(ctx, {.client_alpn = client, .server_alpn = server});
      auto joined = world.join(ctx);
      protocol = joined.client ? joined.client->protocol() : "refused";
      EXPECT_TRUE(!joined.client || joined.server->protocol() == protocol);
    });
    return protocol;
  };
  EXPECT_EQ(agreed({"http/1.1", "h2"}, {"h2", "http/1.1"}), "h2");
  EXPECT_EQ(agreed({"http/1.1"}, {"h2", "http/1.1"}), "http/1.1");
  EXPECT_EQ(agreed({}, {"h2"}), "");
  EXPECT_EQ(agreed({"h2"}, {}), "");
  EXPECT_EQ(agreed({"h3"}, {"h2", "http/1.1"}), "refused");
}

TEST(Tls, AsksAClientForItsCertificate) {
  in_virtual_time([](Context& ctx) {
    World world(ctx, {.asks_client = true, .client_shows = true});
    auto joined = world.join(ctx);
    ASSERT_FALSE(joined.server_error) << joined.server_error->describe();
    EXPECT_TRUE(joined.server->has_verified_peer());
  });
  in_virtual_time([](Context& ctx) {
    World world(ctx, {.asks_client = true});
    auto joined = world.join(ctx);
    ASSERT_TRUE(joined.server_error);
    EXPECT_EQ(joined.server_error->reason(), "handshake");
  });
}

TEST(Tls, DoesNotCareHowTheHandshakeIsCutIntoPieces) {
  for (std::size_t wire : {std::size_t{1}, std::size_t{7}, kWideWire}) {
    in_virtual_time([&](Context& ctx) {
      World world(ctx);
      auto [client, server] = memory_pair(wire);
      TaskGroup group(ctx);
      group.go([&, below = std::make_unique<Drip>(std::move(server), 1)](Context& own) mutable -> Result<void> {
        SLUICE_TRY(auto accepted, tls_accept(own, std::move(below), *world.server_context));
        return accepted->Stream::write(own, as_bytes("hello"));
      });
      auto connected = tls_connect(ctx, std::make_unique<Drip>(std::move(client), 1), *world.client_context, "server.test");
      ASSERT_TRUE(connected) << connected.error().describe();
      EXPECT_EQ(read_some(ctx, **connected), "hello");
      EXPECT_TRUE(group.wait());
    });
  }
}

TEST(Tls, SaysTruncatedWhereverTheHandshakeBreaksOff) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    bool succeeded = false;
    std::size_t cut = 0;
    for (; !succeeded; ++cut) {
      ASSERT_LT(cut, 10'000U);
      auto [client, server] = memory_pair(kWideWire);
      auto joined = world.join(ctx, std::move(client), std::make_unique<Drip>(std::move(server), SIZE_MAX, cut));
      succeeded = !joined.server_error;
      ASSERT_TRUE(succeeded || joined.server_error->reason() == "truncated") << "after " << cut << " bytes";
      joined.server.reset();
    }
    EXPECT_GT(cut, 300U);  // a ClientHello and a Finished
  });
}

TEST(Tls, TellsAnEndFromACut) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("half of")));
    joined.client.reset();
    EXPECT_EQ(read_some(ctx, *joined.server), "half of");
    EXPECT_EQ(read_some(ctx, *joined.server), "error truncated");
  });
}

TEST(Tls, RefusesWhatIsNotTls) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    for (std::string_view said : {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01 and then nothing of the kind", "\x80\x80\x80\x80\x80\x80"}) {
      auto [client, server] = memory_pair(kWideWire);
      ASSERT_TRUE(client->write(ctx, as_bytes(said)));
      client->shutdown_write();
      auto accepted = tls_accept(ctx, std::move(server), *world.server_context);
      ASSERT_FALSE(accepted);
      EXPECT_EQ(accepted.error().code(), Code::kUnavailable);
      EXPECT_TRUE(client->peer_has_gone() || read_some(ctx, *client) != "") << "an alert, or the end";
    }
  });
}

TEST(Tls, RefusesARecordThatWasChangedOnTheWay) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto [client, near] = memory_pair(kWideWire);
    auto [far, server] = memory_pair(kWideWire);
    TaskGroup way(ctx);
    bool forges = false;
    auto carry = [&](Stream& from, Stream& to) {
      return [&](Context& own) -> Result<void> {
        for (std::array<std::byte, 4096> buffer;;) {
          SLUICE_TRY(std::size_t count, from.read(own, buffer));
          if (count == 0) return {};
          if (forges) buffer[count - 1] ^= std::byte{1};
          SLUICE_TRY(to.write(own, std::span<const std::byte>(buffer).first(count)));
        }
      };
    };
    way.go(carry(*near, *far));
    way.go(carry(*far, *near));
    auto joined = world.join(ctx, std::move(client), std::move(server));
    ASSERT_TRUE(joined.client);
    forges = true;
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("pay 10")));
    EXPECT_EQ(read_some(ctx, *joined.server), "error bad-record");
    EXPECT_EQ(read_some(ctx, *joined.server), "error bad-record");  // it stays so, whoever looks
    EXPECT_TRUE(joined.server->peer_has_gone());
    EXPECT_FALSE(joined.server->Stream::write(ctx, as_bytes("x")));
    way.context().cancel();
    static_cast<void>(way.wait());
  });
}

TEST(Tls, EndsInMidHandshakeWithItsContext) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto [silent, server] = memory_pair(kWideWire);
    Context limited(ctx, 3s);
    auto late = tls_accept(limited, std::move(server), *world.server_context);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
    EXPECT_TRUE(silent->peer_has_gone());

    auto [near, mute] = memory_pair(kWideWire);
    Context cancelled(ctx);
    TaskGroup group(ctx);
    group.go([&](Context& own) -> Result<void> {
      let_all_park(own);
      cancelled.cancel();
      return {};
    });
    auto connected = tls_connect(cancelled, std::move(near), *world.client_context, "server.test");
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code(), Code::kCancelled);
    EXPECT_TRUE(group.wait());
  });
}

TEST(Tls, EndsAReadThatWaitsWithItsContextAndCanGoOn) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    ASSERT_TRUE(joined.client);
    Context limited(ctx, 1s);
    std::array<std::byte, 16> buffer;
    auto late = joined.server->read(limited, buffer);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("late")));
    EXPECT_EQ(read_some(ctx, *joined.server), "late");
  });
}

TEST(Tls, WritesNothingMoreAfterAWriteThatWasCutShort) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx, 1000);
    ASSERT_TRUE(joined.client);
    const std::string text = pattern(50'000);
    Context limited(ctx, 1s);
    auto late = joined.client->Stream::write(limited, as_bytes(text));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
    EXPECT_FALSE(joined.client->Stream::write(ctx, as_bytes("more")));
    joined.client->shutdown_write();  // without close_notify: it was not all
    auto got = read_all(ctx, *joined.server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().reason(), "truncated");
  });
}

// What a connection that idles is: left with a stream, started when it can be read.
class Visitor final : public Standby {
 public:
  Visitor(Context& stop, Stream& stream) : Standby(stop), stream_(stream) {}

  bool stand_by(Deadline until) { return stream_.stand_by(*this, until); }
  std::vector<Cause> woken;

 private:
  void on_wake(Cause cause, Instant) noexcept override { woken.push_back(cause); }
  Stream& stream_;
};

std::optional<std::string> take(Stream& stream) {
  std::array<std::byte, 4096> buffer;
  auto count = stream.try_read(buffer);
  if (!count) return "error " + std::string(count.error().reason());
  if (!*count) return std::nullopt;
  return std::string(as_text(std::span(buffer).first(**count)));
}

TEST(Tls, TakesWhatIsThereWithoutWaiting) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    EXPECT_EQ(take(*joined.server), std::nullopt);
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("one")));
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("two")));
    EXPECT_EQ(take(*joined.server), "one");
    EXPECT_EQ(take(*joined.server), "two");
    EXPECT_EQ(take(*joined.server), std::nullopt);
    joined.client->shutdown_write();
    EXPECT_EQ(take(*joined.server), "");
  });
}

TEST(Tls, StandsByOnlyWhenItHoldsNothingItself) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    Visitor visitor(ctx, *joined.server);
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("one")));
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("two")));
    EXPECT_EQ(take(*joined.server), "one");
    EXPECT_FALSE(visitor.stand_by(Deadline()));  // "two" lies in the engine, nothing below
    EXPECT_EQ(take(*joined.server), "two");
    EXPECT_EQ(take(*joined.server), std::nullopt);
    ASSERT_TRUE(visitor.stand_by(Deadline()));
    let_all_park(ctx);
    EXPECT_TRUE(visitor.woken.empty());
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("three")));
    let_all_park(ctx);
    EXPECT_EQ(visitor.woken, std::vector{Standby::Cause::kReadable});
    EXPECT_EQ(take(*joined.server), "three");
  });
}

TEST(Tls, StandsByForTheEndThatPeerHasGoneSaw) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    Visitor visitor(ctx, *joined.server);
    joined.client->shutdown_write();
    EXPECT_TRUE(joined.server->peer_has_gone());
    EXPECT_FALSE(visitor.stand_by(Deadline()));
    EXPECT_EQ(take(*joined.server), "");
  });
}

TEST(Tls, TriesToWriteWithoutWaitingAndLosesNothing) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx, 1000);
    const std::string text = pattern(500'000);
    std::size_t sent = 0;
    TaskGroup group(ctx);
    std::string got;
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(got, read_all(own, *joined.server));
      return {};
    });
    int waits = 0;
    while (sent < text.size()) {
      auto rest = as_bytes(text).subspan(sent);
      auto count = joined.client->try_write(Pieces(&rest, 1));
      ASSERT_TRUE(count);
      ASSERT_LT(*count, rest.size() + 1);
      sent += *count;
      rest = as_bytes(text).subspan(sent);
      if (rest.empty()) break;
      ++waits;
      ASSERT_TRUE(joined.client->Stream::write(ctx, rest.first(std::min<std::size_t>(rest.size(), 10))));
      sent += std::min<std::size_t>(rest.size(), 10);
    }
    EXPECT_GT(waits, 1);
    joined.client->shutdown_write();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got == text);
  });
}

TEST(Tls, ShowsThatThePeerHasGone) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    EXPECT_FALSE(joined.server->peer_has_gone());
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("last words")));
    joined.client->shutdown_write();  // ciphertext that waits below, and means the end
    EXPECT_FALSE(joined.server->peer_has_gone());
    EXPECT_EQ(read_some(ctx, *joined.server), "last words");  // nothing was taken
    EXPECT_TRUE(joined.server->peer_has_gone());
    joined.client.reset();
    EXPECT_TRUE(joined.server->peer_has_gone());
  });
}

TEST(Tls, LooksForThePeersEndWithoutTakingWhatAReaderWaitsFor) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    auto joined = world.join(ctx);
    TaskGroup group(ctx);
    std::string heard;
    group.go([&](Context& own) { heard = read_some(own, *joined.server); });
    let_all_park(ctx);
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("hello")));
    EXPECT_FALSE(joined.server->peer_has_gone());  // before it is the reader's turn
    let_all_park(ctx);
    EXPECT_EQ(heard, "hello");
    group.context().cancel();
    static_cast<void>(group.wait());
  });
}

// ---- a peer that plays with us ----

// A client that says what none of ours would: OpenSSL's, driven by hand.
class Rogue {
 public:
  Rogue(Context& ctx, std::unique_ptr<Stream> wire)
      : ctx_(ctx), wire_(std::move(wire)), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  void shake_hands() {
    while (SSL_do_handshake(ssl_.get()) != 1) {
      send();
      hear();
    }
    send();
  }
  /// So many KeyUpdates, in one go or as far as the wire takes them.
  void update_keys(int count, int kind) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(SSL_key_update(ssl_.get(), kind), 1);
      ASSERT_EQ(SSL_do_handshake(ssl_.get()), 1);
    }
    send();
  }
  void say(std::string_view text) {
    ASSERT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    send();
  }
  std::string hear_text() {
    char text[64];
    for (;;) {
      int count = SSL_read(ssl_.get(), text, sizeof text);
      if (count > 0) return std::string(text, static_cast<std::size_t>(count));
      hear();
    }
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };

  void send() {
    std::array<std::byte, 16384> bytes;
    for (int count; (count = BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), bytes.size())) > 0;)
      EXPECT_TRUE(wire_->write(ctx_, std::span<const std::byte>(bytes).first(static_cast<std::size_t>(count))));
  }
  void hear() {
    std::array<std::byte, 16384> bytes;
    auto count = wire_->read(ctx_, bytes);
    ASSERT_TRUE(count && *count > 0);
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(*count));
  }

  Context& ctx_;
  const std::unique_ptr<Stream> wire_;
  const std::unique_ptr<SSL_CTX, Free> context_;
  const std::unique_ptr<SSL, Free> ssl_;
};

// A rogue and whom it talks to; its wire holds `wire_bytes`.
void meet_rogue(std::size_t wire_bytes, const std::function<void(Context&, Rogue&, TlsStream&)>& then) {
  in_virtual_time([&](Context& ctx) {
    World world(ctx);
    auto [near, far] = memory_pair(wire_bytes);
    std::unique_ptr<TlsStream> server;
    TaskGroup group(ctx);
    group.go([&, below = std::move(far)](Context& own) mutable -> Result<void> {
      SLUICE_TRY(server, tls_accept(own, std::move(below), *world.server_context));
      return {};
    });
    Rogue rogue(ctx, std::move(near));
    rogue.shake_hands();
    ASSERT_TRUE(group.wait());
    then(ctx, rogue, *server);
  });
}

TEST(Tls, ChangesItsKeysWhenItIsAskedTo) {
  meet_rogue(kWideWire, [](Context& ctx, Rogue& rogue, TlsStream& server) {
    for (int i = 0; i < 3; ++i) {
      rogue.update_keys(1, SSL_KEY_UPDATE_REQUESTED);
      rogue.say("after");
      EXPECT_EQ(read_some(ctx, server), "after");
      ASSERT_TRUE(server.Stream::write(ctx, as_bytes("answer")));
      EXPECT_EQ(rogue.hear_text(), "answer");
    }
  });
}

TEST(Tls, BreaksOffWithAPeerThatSendsOnlyWhatSaysNothing) {
  meet_rogue(4 * kWideWire, [](Context& ctx, Rogue& rogue, TlsStream& server) {
    rogue.update_keys(10'000, SSL_KEY_UPDATE_NOT_REQUESTED);  // 270 KB
    rogue.say("at last");
    EXPECT_EQ(read_some(ctx, server), "at last");
    rogue.update_keys(50'000, SSL_KEY_UPDATE_NOT_REQUESTED);  // more than a MiB
    rogue.say("too late");
    EXPECT_EQ(read_some(ctx, server), "error bad-record");
  });
}

TEST(Tls, BreaksOffWithAPeerThatAsksForAnswersAndReadsNone) {
  meet_rogue(std::size_t{16} * 1024, [](Context& ctx, Rogue& rogue, TlsStream& server) {
    TaskGroup group(ctx);
    std::string heard;
    group.go([&](Context& own) { heard = read_some(own, server); });
    for (int i = 0; i < 100 && heard.empty(); ++i) {
      rogue.update_keys(100, SSL_KEY_UPDATE_REQUESTED);
      let_all_park(ctx);
    }
    EXPECT_EQ(heard, "error bad-record");
    group.context().cancel();
    static_cast<void>(group.wait());
  });
}

// Over TCP: what has come is known to the kernel only, once a read has found the end of what was there before.
TEST(Tls, ShowsThatThePeerHasGoneAlsoAfterAReadThatFoundNoMore) {
  on_processors(1, [](Context& ctx) {
    World world(ctx);
    auto listener = listen({.family = Address::Family::kIpV4, .port = 0, .ip = {127, 0, 0, 1}});
    ASSERT_TRUE(listener);
    auto client = connect(ctx, (*listener)->address());
    auto server = (*listener)->accept(ctx);
    ASSERT_TRUE(client && server);
    auto joined = world.join(ctx, std::move(*client), std::move(*server));
    ASSERT_TRUE(joined.client) << joined.client_error->describe();
    ASSERT_TRUE(joined.client->Stream::write(ctx, as_bytes("last words")));
    EXPECT_EQ(read_some(ctx, *joined.server), "last words");
    EXPECT_EQ(take(*joined.server), std::nullopt);
    EXPECT_FALSE(joined.server->peer_has_gone());
    joined.client->shutdown_write();
    joined.client.reset();
    while (!joined.server->peer_has_gone()) yield();  // for ever, if it does not see it
  });
}

// Also what the thread sanitizer is to see: reader and writer of both ends on two processors.
TEST(Tls, CarriesMuchBothWaysAtOnce) {
  on_processors(2, [](Context& ctx) {
    World world(ctx);
    auto listener = listen({.family = Address::Family::kIpV4, .port = 0, .ip = {127, 0, 0, 1}});
    ASSERT_TRUE(listener);
    auto client = connect(ctx, (*listener)->address());
    auto server = (*listener)->accept(ctx);
    ASSERT_TRUE(client && server);
    auto joined = world.join(ctx, std::move(*client), std::move(*server));
    ASSERT_TRUE(joined.client) << joined.client_error->describe();
    const std::string text = pattern(kSanitized ? 2'000'000 : 20'000'000);
    auto send = [&](Stream& stream) {
      return [&](Context& own) -> Result<void> {
        SLUICE_TRY(stream.write(own, as_bytes(text)));
        stream.shutdown_write();
        return {};
      };
    };
    auto receive = [&](Stream& stream) {
      return [&](Context& own) -> Result<void> {
        SLUICE_TRY(auto got, read_all(own, stream));
        EXPECT_TRUE(got == text);
        EXPECT_TRUE(stream.peer_has_gone());
        return {};
      };
    };
    TaskGroup group(ctx);
    for (Stream* end : {static_cast<Stream*>(joined.client.get()), static_cast<Stream*>(joined.server.get())}) {
      group.go(send(*end));
      group.go(receive(*end));
    }
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice::net
