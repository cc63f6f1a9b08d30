// SPDX-License-Identifier: MIT
#include <sluice/net/memory_stream.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/net/alarm_test.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

void in_fiber(std::function<Result<void>(Context&)> test) {
  ManualClock clock;
  EXPECT_EQ(sluice::run(std::move(test), {.processors = 1, .seed = 1, .clock = &clock}), 0);
}

Result<std::string> read_all(Context& ctx, Stream& stream) {
  std::string all;
  for (std::array<std::byte, 7> buffer;;) {
    SLUICE_TRY(std::size_t count, stream.read(ctx, buffer));
    if (count == 0) return all;
    all.append(as_text(std::span(buffer).first(count)));
  }
}

TEST(MemoryPair, CarriesBytesBothWaysInOrder) {
  in_fiber([](Context& ctx) -> Result<void> {
    auto [left, right] = memory_pair(16);
    SLUICE_TRY(left->write(ctx, as_bytes("ping")));
    SLUICE_TRY(right->write(ctx, as_bytes("pong")));
    left->shutdown_write();
    right->shutdown_write();
    EXPECT_EQ(read_all(ctx, *right), "ping");
    EXPECT_EQ(read_all(ctx, *left), "pong");
    return {};
  });
}

TEST(MemoryPair, MakesTheWriterWaitWhenItIsFull) {
  in_fiber([](Context& ctx) -> Result<void> {
    auto [left, right] = memory_pair(3);
    const std::string text(1000, 'x');
    std::array<std::span<const std::byte>, 3> pieces{as_bytes("head "), as_bytes(text), as_bytes(" tail")};
    TaskGroup group(ctx);
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(left->write(own, pieces));
      left->shutdown_write();
      return {};
    });
    EXPECT_EQ(read_all(ctx, *right), "head " + text + " tail");
    return group.wait();
  });
}

TEST(MemoryPair, TriesToWriteNoMoreThanFits) {
  in_fiber([](Context&) -> Result<void> {
    auto [left, right] = memory_pair(6);
    std::array<std::span<const std::byte>, 2> pieces{as_bytes("abcd"), as_bytes("efgh")};
    EXPECT_EQ(left->try_write(pieces), 6u);
    EXPECT_EQ(left->try_write(pieces), 0u);
    return {};
  });
}

TEST(MemoryPair, StopsAReadAtTheDeadlineOfItsContext) {
  in_fiber([](Context& ctx) -> Result<void> {
    auto [left, right] = memory_pair(16);
    Context limited(ctx, 5s);
    std::array<std::byte, 4> buffer;
    EXPECT_EQ(left->read(limited, buffer).error().code(), Code::kDeadlineExceeded);
    return {};
  });
}

TEST(MemoryPair, TriesToReadWithoutWaiting) {
  in_fiber([](Context& ctx) -> Result<void> {
    auto [left, right] = memory_pair(16);
    std::array<std::byte, 4> buffer;
    EXPECT_EQ(*left->try_read(buffer), std::nullopt);
    SLUICE_TRY(right->write(ctx, as_bytes("bytes")));
    EXPECT_EQ(*left->try_read(buffer), 4U);
    EXPECT_EQ(*left->try_read(buffer), 1U);
    right.reset();
    EXPECT_EQ(*left->try_read(buffer), 0U);
    return {};
  });
}

TEST(MemoryPair, WakesAStandbyForBytesForTheEndAndAtTheDeadline) {
  in_fiber([](Context& ctx) -> Result<void> {
    Alarm alarm(ctx);
    auto [left, right] = memory_pair(16);
    std::array<std::byte, 8> buffer;
    EXPECT_TRUE(left->stand_by(alarm, Deadline::after(runtime_clock(), 5s)));
    EXPECT_EQ(alarm.wait(ctx), Standby::Cause::kDeadline);
    EXPECT_TRUE(left->stand_by(alarm, {}));
    SLUICE_TRY(right->write(ctx, as_bytes("bytes")));
    EXPECT_EQ(alarm.wait(ctx), Standby::Cause::kReadable);
    EXPECT_FALSE(left->stand_by(alarm, {}));  // they have not been read yet
    EXPECT_EQ(left->read(ctx, buffer), 5U);
    EXPECT_TRUE(left->stand_by(alarm, {}));
    right.reset();
    EXPECT_EQ(alarm.wait(ctx), Standby::Cause::kReadable);
    EXPECT_FALSE(left->stand_by(alarm, {}));
    return {};
  });
}

TEST(MemoryPair, ShowsThatThePeerHasGone) {
  in_fiber([](Context& ctx) -> Result<void> {
    auto [left, right] = memory_pair(16);
    SLUICE_TRY(right->write(ctx, as_bytes("bye")));
    EXPECT_FALSE(left->peer_has_gone());
    right.reset();
    EXPECT_EQ(left->write(ctx, as_bytes("?")).error().code(), Code::kUnavailable);
    EXPECT_EQ(read_all(ctx, *left), "bye");
    EXPECT_TRUE(left->peer_has_gone());
    return {};
  });
}

}  // namespace
}  // namespace sluice::net
