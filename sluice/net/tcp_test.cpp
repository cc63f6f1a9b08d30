// SPDX-License-Identifier: MIT
#include <sluice/net/tcp.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/net/alarm_test.hpp>
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

// ---- a read that got less than it had room for is not followed by one that would get nothing ----

struct Joined {
  std::unique_ptr<Stream> client, server;
};

// Both with the poller, and nothing on its way.
Result<Joined> join(Context& ctx) {
  SLUICE_TRY(auto listener, listen_locally());
  Joined joined;
  SLUICE_TRY(joined.client, connect(ctx, listener->address()));
  SLUICE_TRY(joined.server, listener->accept(ctx));
  TaskGroup group(ctx);
  group.go([&](Context& own) -> Result<void> {
    std::array<std::byte, 8> buffer;
    SLUICE_TRY(joined.server->read(own, buffer));
    return {};
  });
  SLUICE_TRY(joined.client->write(ctx, as_bytes("first")));
  SLUICE_TRY(group.wait());
  return joined;
}

TEST(Tcp, SeesTheEndThatCameWithTheLastBytes) {
  in_fiber([](Context& ctx) -> Result<void> {
    for (int round = 0; round < 100; ++round) {
      SLUICE_TRY(auto joined, join(ctx));
      SLUICE_TRY(joined.client->write(ctx, as_bytes("bye")));
      joined.client.reset();  // the poller may tell of both at once
      EXPECT_EQ(read_all(ctx, *joined.server), "bye");
      std::array<std::byte, 8> buffer;
      EXPECT_EQ(joined.server->read(ctx, buffer), 0U);  // also if it is asked again
    }
    return {};
  });
}

TEST(Tcp, MissesNoByteOfWhatComesInManyPieces) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto joined, join(ctx));
    const std::string piece(1000, 'a');
    constexpr int kPieces = 2'000;
    TaskGroup group(ctx);
    group.go([&](Context& own) -> Result<void> {
      for (int i = 0; i < kPieces; ++i) SLUICE_TRY(joined.client->write(own, as_bytes(std::string_view(piece).substr(i % 1000))));
      joined.client->shutdown_write();
      return {};
    });
    SLUICE_TRY(auto all, read_all(ctx, *joined.server));
    EXPECT_EQ(all.size(), std::size_t{kPieces / 1000} * 1000 * 1001 / 2);
    return group.wait();
  });
}

TEST(Tcp, TriesToReadWithoutWaiting) {
  in_fiber([](Context& ctx) -> Result<void> {
    SLUICE_TRY(auto joined, join(ctx));
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(*joined.server->try_read(buffer), std::nullopt);
    SLUICE_TRY(joined.client->write(ctx, as_bytes("second")));
    EXPECT_EQ(joined.server->read(ctx, buffer), 6U);
    EXPECT_EQ(*joined.server->try_read(buffer), std::nullopt);
    return {};
  });
}

TEST(Tcp, WakesAStandbyForBytesForTheEndAndAtTheDeadline) {
  in_fiber([](Context& ctx) -> Result<void> {
    Alarm alarm(ctx);
    SLUICE_TRY(auto joined, join(ctx));
    std::array<std::byte, 8> buffer;
    auto left_waiting = [&](Deadline until) -> Result<Standby::Cause> {
      while (!joined.server->stand_by(alarm, until)) {
        SLUICE_TRY(auto count, joined.server->try_read(buffer));
        if (count) return Standby::Cause::kReadable;
      }
      return alarm.wait(ctx);
    };
    EXPECT_EQ(left_waiting(Deadline::after(runtime_clock(), 1ms)), Standby::Cause::kDeadline);
    SLUICE_TRY(joined.client->write(ctx, as_bytes("bytes")));
    EXPECT_EQ(left_waiting({}), Standby::Cause::kReadable);
    SLUICE_TRY(joined.server->try_read(buffer));
    joined.client.reset();
    EXPECT_EQ(left_waiting({}), Standby::Cause::kReadable);
    EXPECT_EQ(joined.server->read(ctx, buffer), 0U);
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
