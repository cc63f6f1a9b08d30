// SPDX-License-Identifier: MIT
#include <sluice/net/tcp.hpp>

#include <array>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

// No test waits this long; it only keeps a broken one from hanging.
constexpr Duration kFarAway = 30s;

void in_fiber(std::function<Result<void>(Context&)> test) {
  EXPECT_EQ(sluice::run(
                [&](Context& ctx) -> Result<void> {
                  Context limited(ctx, kFarAway);
                  return test(limited);
                },
                {.processors = 2}),
            0);
}

Result<std::unique_ptr<Listener>> listen_locally() { return listen(*Address::from_ip("127.0.0.1", 0)); }

Result<std::string> read_all(Context& ctx, Stream& stream) {
  std::string all;
  for (std::array<std::byte, 4096> buffer;;) {
    SLUICE_TRY(std::size_t count, stream.read(ctx, buffer));
    if (count == 0) return all;
    all.append(as_text(std::span(buffer).first(count)));
  }
}

TEST(Tcp, TellsTheRealPort) {
  in_fiber([](Context&) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    EXPECT_NE(listener->address().port, 0);
    EXPECT_EQ(listener->address().ip, Address::from_ip("127.0.0.1", 0)->ip);
    return {};
  });
}

TEST(Tcp, CarriesMoreThanTheKernelBuffersBothWays) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    const std::string much(16 << 20, 'a');
    TaskGroup group(ctx);
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(auto server, listener->accept(own));
      SLUICE_TRY(auto all, read_all(own, *server));
      EXPECT_EQ(all, much);
      std::array<std::span<const std::byte>, 3> pieces{as_bytes("<"), as_bytes(all), as_bytes(">")};
      return server->write(own, pieces);
    });
    SLUICE_TRY(auto client, dial(ctx, {"127.0.0.1", listener->address().port}));
    EXPECT_EQ(client->peer(), listener->address());
    SLUICE_TRY(client->write(ctx, as_bytes(much)));
    client->shutdown_write();
    SLUICE_TRY(auto echoed, read_all(ctx, *client));
    EXPECT_EQ(echoed, "<" + much + ">");
    return group.wait();
  });
}

TEST(Tcp, LetsAReaderAndAWriterWaitAtTheSameTime) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    const std::string much(1 << 20, 'a');
    for (int round = 0; round < 20; ++round) {  // what is to be found is in the first wait of a connection
      SLUICE_TRY(auto client, connect(ctx, listener->address()));
      SLUICE_TRY(auto server, listener->accept(ctx));
      TaskGroup group(ctx);
      for (Stream* end : {client.get(), server.get()}) {
        group.go([&, end](Context& own) -> Result<void> {
          SLUICE_TRY(end->write(own, as_bytes(much)));
          end->shutdown_write();
          return {};
        });
        group.go([&, end](Context& own) -> Result<void> {
          SLUICE_TRY(auto all, read_all(own, *end));
          EXPECT_EQ(all.size(), much.size());
          return {};
        });
      }
      SLUICE_TRY(group.wait());
    }
    return {};
  });
}

TEST(Tcp, SaysUnavailableWhenNobodyListens) {
  in_fiber([](Context& ctx) -> Result<void> {
    Address address;
    {
      SLUICE_TRY(auto listener, listen_locally());
      address = listener->address();
    }
    EXPECT_EQ(connect(ctx, address).error().code(), Code::kUnavailable);
    return {};
  });
}

TEST(Tcp, StopsToAcceptWhenTheContextEnds) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    Context ending(ctx, 1ms);
    EXPECT_EQ(listener->accept(ending).error().code(), Code::kDeadlineExceeded);
    return {};
  });
}

TEST(Tcp, StopsToReadWhenTheContextEnds) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    SLUICE_TRY(auto client, connect(ctx, listener->address()));
    Context ending(ctx, 1ms);
    std::array<std::byte, 1> byte;
    EXPECT_EQ(client->read(ending, byte).error().code(), Code::kDeadlineExceeded);
    return {};
  });
}

TEST(Tcp, ShowsThatThePeerHasGone) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    SLUICE_TRY(auto client, connect(ctx, listener->address()));
    SLUICE_TRY(auto server, listener->accept(ctx));
    EXPECT_FALSE(server->peer_has_gone());
    client.reset();
    std::array<std::byte, 1> byte;
    EXPECT_EQ(server->read(ctx, byte), 0u);
    EXPECT_TRUE(server->peer_has_gone());
    return {};
  });
}

TEST(Tcp, RefusesAnAddressThatIsTaken) {
  in_fiber([](Context&) -> Result<void> {
    SLUICE_TRY(auto listener, listen_locally());
    EXPECT_FALSE(listen(listener->address()));
    return {};
  });
}

}  // namespace
}  // namespace sluice::net
