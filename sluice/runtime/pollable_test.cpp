// SPDX-License-Identifier: MIT
#include <sluice/runtime/pollable.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

using Socket = std::unique_ptr<Pollable>;

std::array<int, 2> raw_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  return ends;
}

std::pair<Socket, Socket> socket_pair() {
  auto [left, right] = raw_pair();
  return {*Pollable::adopt(left), *Pollable::adopt(right)};
}

// The number of bytes, or -errno: read where no switch can come between.
[[gnu::noinline]] ssize_t receive(int fd, void* room, std::size_t size) {
  ssize_t got = ::recv(fd, room, size, 0);
  return got >= 0 ? got : -errno;
}
[[gnu::noinline]] ssize_t transmit(int fd, const void* bytes, std::size_t size) {
  ssize_t sent = ::send(fd, bytes, size, MSG_NOSIGNAL);
  return sent >= 0 ? sent : -errno;
}

// One byte, or nothing at the end of the stream.
Result<std::optional<char>> read_byte(Context& ctx, Pollable& socket) {
  for (;;) {
    char byte = 0;
    ssize_t got = receive(socket.fd(), &byte, 1);
    if (got == 1) return byte;
    if (got == 0) return std::nullopt;
    if (got != -EAGAIN) return fail(errno_error(static_cast<int>(-got), "recv"));
    SLUICE_TRY(socket.wait_readable(ctx));
  }
}

Result<void> write_all(Context& ctx, Pollable& socket, std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = transmit(socket.fd(), text.data(), text.size());
    if (sent == -EAGAIN) {
      SLUICE_TRY(socket.wait_writable(ctx));
      continue;
    }
    if (sent < 0) return fail(errno_error(static_cast<int>(-sent), "send"));
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

TEST(Pollable, ParksUntilThereIsSomethingToRead) {
  in_virtual_time([](Context& ctx) {
    auto [left, right] = socket_pair();
    bool has_read = false;
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(auto byte, read_byte(own, *right));
      EXPECT_EQ(byte, 'x');
      has_read = true;
      return {};
    });
    let_all_park(ctx);
    EXPECT_FALSE(has_read);
    EXPECT_TRUE(write_all(ctx, *left, "x"));
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(has_read);
  });
}

TEST(Pollable, KnowsWhatWasThereBeforeItWasAdopted) {
  in_virtual_time([](Context& ctx) {
    auto [left, right] = raw_pair();
    EXPECT_EQ(::send(left, "x", 1, 0), 1);
    auto socket = *Pollable::adopt(right);
    EXPECT_TRUE(socket->wait_readable(ctx));
    EXPECT_TRUE(socket->wait_writable(ctx));
    ::close(left);
  });
}

TEST(Pollable, ParksUntilThereIsRoomToWrite) {
  in_virtual_time([](Context& ctx) {
    auto [left, right] = socket_pair();
    const std::string large(4 << 20, 'x');  // more than any socket buffer
    TaskGroup group{ctx};
    group.go([&, out = left.get()](Context& own) { return write_all(own, *out, large); });
    std::size_t total = 0;
    while (total < large.size()) {
      std::array<char, 65536> room;
      ssize_t got = receive(right->fd(), room.data(), room.size());
      if (got > 0) total += static_cast<std::size_t>(got);
      if (got == -EAGAIN) static_cast<void>(right->wait_readable(ctx));
    }
    EXPECT_TRUE(group.wait());
  });
}

TEST(Pollable, IsWokenWhenThePeerCloses) {
  in_virtual_time([](Context& ctx) {
    auto [left, right] = socket_pair();
    TaskGroup group{ctx};
    group.go([&, in = right.get()](Context& own) -> Result<void> {
      SLUICE_TRY(auto byte, read_byte(own, *in));
      EXPECT_EQ(byte, std::nullopt);
      return {};
    });
    let_all_park(ctx);
    left.reset();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Pollable, WaitsInBothDirectionsAtOnce) {
  in_virtual_time([](Context& ctx) {
    auto [left, right] = socket_pair();
    const std::string block(64 * 1024, 'x');
    while (transmit(left->fd(), block.data(), block.size()) > 0) {}
    int woken = 0;
    TaskGroup group{ctx};
    group.go([&, out = left.get()](Context& own) -> Result<void> {
      for (;;) {
        ssize_t sent = transmit(out->fd(), "y", 1);
        if (sent == 1) break;
        SLUICE_TRY(out->wait_writable(own));
      }
      ++woken;
      return {};
    });
    group.go([&, in = left.get()](Context& own) -> Result<void> {
      SLUICE_TRY(read_byte(own, *in));
      ++woken;
      return {};
    });
    let_all_park(ctx);
    EXPECT_EQ(woken, 0);
    EXPECT_TRUE(write_all(ctx, *right, "z"));
    let_all_park(ctx);
    EXPECT_EQ(woken, 1);  // the reader alone
    std::array<char, 65536> room;
    while (receive(right->fd(), room.data(), room.size()) > 0) {}
    EXPECT_TRUE(group.wait());
  });
}

TEST(Pollable, RefusesWhatCannotBePolled) {
  in_virtual_time([](Context&) {
    EXPECT_FALSE(Pollable::adopt(-1));
    int null = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);  // epoll takes no regular file
    EXPECT_FALSE(Pollable::adopt(null));
    EXPECT_EQ(::fcntl(null, F_GETFD), -1);  // closed, for it was ours
  });
}

TEST(PollableDeathTest, OneFiberWaitsForOneDirection) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) {
                 auto [left, right] = socket_pair();
                 TaskGroup group{ctx};
                 for (int i = 0; i < 2; ++i)
                   group.go([in = right.get()](Context& own) { return in->wait_readable(own); });
                 let_all_park(ctx);
               }),
               "one fiber at a time waits for one direction");
}

TEST(PollableDeathTest, NobodyWaitsForWhatIsClosed) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) {
                 auto [left, right] = socket_pair();
                 TaskGroup group{ctx};
                 group.go([in = right.get()](Context& own) { return in->wait_readable(own); });
                 let_all_park(ctx);
                 right.reset();
               }),
               "nobody waits for a descriptor that is being closed");
}

// Its processor does not look at its sockets any more; another one does.
TEST(Pollable, InputComesThroughThoughItsProcessorIsHogged) {
  on_processors(2, [](Context& ctx) {
    auto [left, right] = socket_pair();
    std::atomic<bool> waits{false}, has_read{false};
    TaskGroup group{ctx};
    group.go([&, in = right.get()](Context& own) -> Result<void> {
      waits = true;
      SLUICE_TRY(read_byte(own, *in));
      has_read = true;
      return {};
    });
    while (!waits) yield();
    EXPECT_EQ(transmit(left->fd(), "x", 1), 1);
    while (!has_read) {}
    EXPECT_TRUE(group.wait());
  });
}

// Descriptors and their entries are used again at once, while events of their predecessors are still on their way.
TEST(PollableStress, ALateEventHurtsNobody) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int party = 0; party < 6; ++party)
      group.go([](Context& own) -> Result<void> {
        for (int round = 0; round < kManyTimes / 200; ++round) {
          auto [left, right] = socket_pair();
          SLUICE_TRY(write_all(own, *left, "ab"));
          SLUICE_TRY(auto byte, read_byte(own, *right));
          EXPECT_EQ(byte, 'a');
          if (round % 3 == 0) left.reset();  // with a byte on its way and an end to report
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(PollableStress, EveryByteFindsItsReader) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int party = 0; party < 4; ++party)
      group.go([](Context& own) -> Result<void> {
        auto [left, right] = socket_pair();
        TaskGroup echo{own};
        echo.go([socket = right.get()](Context& inner) -> Result<void> {
          for (;;) {
            SLUICE_TRY(auto byte, read_byte(inner, *socket));
            if (!byte) return {};
            SLUICE_TRY(write_all(inner, *socket, std::string_view(&*byte, 1)));
          }
        });
        for (int round = 0; round < kManyTimes / 100; ++round) {
          char sent = static_cast<char>('a' + round % 26);
          SLUICE_TRY(write_all(own, *left, std::string_view(&sent, 1)));
          SLUICE_TRY(auto received, read_byte(own, *left));
          EXPECT_EQ(received, sent);
        }
        left.reset();
        return echo.wait();
      });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
