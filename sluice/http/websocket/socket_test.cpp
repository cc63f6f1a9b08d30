// SPDX-License-Identifier: MIT
//
// One socket and its peer, over streams in memory and in virtual time: RFC 6455 §5.5 (control frames), §7 (closing), and the
// limits of §10.4. What bytes mean is message_reader_test.cpp's business.
#include <sluice/http/websocket/socket.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/websocket/websocket_test.hpp>

namespace sluice::http::websocket {
namespace {

using namespace std::chrono_literals;

// A socket, and a peer that says whatever a test wants.
class Talk {
 public:
  struct Setting {
    SocketOptions options = {};
    Side side = Side::kServer;
    std::size_t wire_bytes = kWideWire;
    BodyBudget* bodies = nullptr;
    std::string early = {};
  };

  explicit Talk(Context& ctx) : Talk(ctx, Setting{}) {}
  Talk(Context& ctx, const Setting& setting)
      : ctx_(ctx), parent_(ctx), stopping_(ctx), heard_(other(setting.side), kWideWire) {
    auto [near, far] = net::memory_pair(setting.wire_bytes);
    stream_ = std::move(near);
    peer_ = std::move(far);
    Socket::Parts parts{.stream = *stream_, .side = setting.side, .early = setting.early, .parent = &parent_,
                        .stopping = &stopping_, .bodies = setting.bodies};
    if (setting.side == Side::kClient) {
      parts.entropy = [](std::span<std::byte> out) { std::ranges::copy(std::as_bytes(std::span(kTestMask)), out.begin()); };
    }
    socket_ = Socket::open(std::move(parts), setting.options).value();
  }

  Socket& socket() { return *socket_; }
  Socket* operator->() { return socket_.get(); }
  /// Parks if the wire is full.
  void say(std::string_view bytes) { EXPECT_TRUE(peer_->write(ctx_, as_bytes(bytes))); }
  /// Everything that the socket has said so far.
  std::string hear() {
    let_all_park(ctx_);
    heard_.feed(take_arrived(*peer_));
    return heard_.told();
  }
  /// Reads on, as a slow peer does, until everything that was heard is as it should be; not for ever.
  template <class Condition>
  std::string hear_until(Condition is_met) {
    std::string heard = hear();
    for (int rounds = 0; rounds < 10'000 && !is_met(heard); ++rounds) heard = hear();
    return heard;
  }
  void hang_up() { peer_.reset(); }
  void stop() { stopping_.cancel(); }
  void wait(Duration length) { EXPECT_TRUE(sleep(ctx_, length)); }
  net::Stream& peer() { return *peer_; }

  /// The next message's data, or how receiving ended: "!closed" or "!" and the reason.
  std::string receive() {
    auto message = socket_->receive(ctx_);
    if (!message) return "!" + std::string(message.error().reason());
    return *message ? (**message).data : "!closed";
  }
  /// Why the socket's context has ended; empty: it has not.
  std::string lost() {
    let_all_park(ctx_);
    auto alive = socket_->context().check();
    return alive ? "" : std::string(alive.error().reason());
  }

 private:
  static Side other(Side side) { return side == Side::kServer ? Side::kClient : Side::kServer; }

  Context& ctx_;
  Context parent_;
  Context stopping_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Stream> peer_;
  Transcript heard_;
  std::unique_ptr<Socket> socket_;
};

TEST(Socket, CarriesMessagesBothWays) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(text("Hello") + begin_text("fr") + ping("p") + last("agments"));
    EXPECT_EQ(talk.receive(), "Hello");
    EXPECT_EQ(talk.receive(), "fragments");
    talk.say(binary("\xFF"));
    EXPECT_EQ(talk->receive(ctx).value(), (Message{Message::Kind::kBinary, "\xFF"}));
    ASSERT_TRUE(talk->send_text(ctx, "text"));
    ASSERT_TRUE(talk->send_binary(ctx, as_bytes("\xFE")));
    ASSERT_TRUE(talk->send_text(ctx, ""));
    EXPECT_EQ(talk.hear(), "pong(p) text(text) binary(\xFE) text()");
  });
}

TEST(Socket, UnderstandsWhatCameWithTheHandshake) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.early = text("early") + text("late").substr(0, 3)});
    talk.say(text("late").substr(3));
    EXPECT_EQ(talk.receive(), "early");
    EXPECT_EQ(talk.receive(), "late");
  });
}

TEST(Socket, MasksWhatAClientSends) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.side = Side::kClient});
    talk.say(frame(Side::kServer, Opcode::kPing, "x") + frame(Side::kServer, Opcode::kText, "from the server"));
    EXPECT_EQ(talk.receive(), "from the server");
    const std::string large(3 * FrameWriter::kFragmentBytes + 1, 'l');
    ASSERT_TRUE(talk->send_text(ctx, large));
    EXPECT_EQ(talk.hear(), "pong(x) text(" + large + ")");  // a reader on the server's side takes masked frames alone
  });
}

TEST(Socket, SendsNoTextThatIsNone) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    EXPECT_EQ(talk->send_text(ctx, "\xCE").error().reason(), "bad-utf8");
    EXPECT_EQ(talk.hear(), "");
    EXPECT_TRUE(talk->send_text(ctx, "goes on"));
  });
}

// ---- §5.5: control frames ----

TEST(Socket, Rfc6455_5_5_2_AnswersPingsWhileNobodyReceives) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(ping("a"));
    EXPECT_EQ(talk.hear(), "pong(a)");
    talk.say(ping("") + pong("nobody asked") + ping("b"));
    EXPECT_EQ(talk.hear(), "pong(a) pong() pong(b)");
  });
}

TEST(Socket, Rfc6455_5_5_PutsControlFramesBetweenTheFragmentsOfALargeMessage) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 1000});
    const std::string large(2 * FrameWriter::kFragmentBytes, 'l');
    TaskGroup group(ctx);
    group.go([&](Context& own) { return talk->send_text(own, large); });
    let_all_park(ctx);
    talk.say(ping("1"));  // meets a frame on its way, which a slow peer holds up
    let_all_park(ctx);
    talk.say(ping("2"));  // only the last pong is due (§5.5.3)
    EXPECT_EQ(talk.hear_until([](const std::string& heard) { return heard.contains(")"); }), "pong(2)");
    EXPECT_EQ(talk.hear_until([](const std::string& heard) { return heard.ends_with("l)"); }), "pong(2) text(" + large + ")");
    EXPECT_TRUE(group.wait());
  });
}

TEST(Socket, PingsASilentPeerAndGivesItUpWhenItStaysSilent) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.wait(29s);
    EXPECT_EQ(talk.hear(), "");
    talk.wait(1s);
    EXPECT_EQ(talk.hear(), "ping()");
    talk.say(pong(""));
    talk.wait(31s);
    EXPECT_EQ(talk.hear(), "ping() ping()");
    talk.say(text("anything").substr(0, 1));  // any byte is a sign of life
    talk.wait(31s);
    EXPECT_EQ(talk.hear(), "ping() ping() ping()");
    EXPECT_EQ(talk.lost(), "");
    talk.wait(30s);
    EXPECT_EQ(talk.lost(), "silent-peer");
    EXPECT_EQ(talk.receive(), "!silent-peer");
  });
}

TEST(Socket, NeverPingsIfItIsToldSo) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.options = {.ping_interval = 0s}});
    talk.wait(24h);
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(talk.lost(), "");
  });
}

// ---- §7: closing ----

TEST(Socket, Rfc6455_7_1_AnswersThePeersCloseBehindItsMessages) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(text("last words") + close_frame(4001, "bye"));
    EXPECT_EQ(talk.hear(), "close(4001,)");
    EXPECT_EQ(talk.receive(), "last words");
    EXPECT_EQ(talk.receive(), "!closed");
    EXPECT_EQ(talk->peer_close(), (Close{CloseCode(4001), "bye"}));
    EXPECT_EQ(talk->send_text(ctx, "too late").error().reason(), "closed");
    EXPECT_TRUE(talk->close(ctx));
    talk.wait(4s);
    EXPECT_EQ(talk.lost(), "");  // who is busy with the last words may end that
    talk.wait(2s);
    EXPECT_EQ(talk.lost(), "closed");
    EXPECT_EQ(talk.hear(), "close(4001,)");
  });
}

TEST(Socket, Rfc6455_5_5_1_AnswersACloseWithoutACodeByOneWithoutACode) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(frame(Side::kClient, Opcode::kClose, ""));
    EXPECT_EQ(talk.hear(), "close(1005,)");
    EXPECT_EQ(talk.receive(), "!closed");
    EXPECT_EQ(talk->peer_close().code, CloseCode::kNone);
  });
}

TEST(Socket, Rfc6455_7_1_2_ClosesAndWaitsForTheAnswer) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    std::optional<Result<void>> closed;
    TaskGroup group(ctx);
    group.go([&](Context& own) { closed = talk->close(own, CloseCode(3000), "done"); });
    EXPECT_EQ(talk.hear(), "close(3000,done)");
    talk.say(text("crossed it") + text("and more") + ping("nobody answers"));
    let_all_park(ctx);
    EXPECT_FALSE(closed);
    talk.say(close_frame(3000));
    EXPECT_EQ(talk.hear(), "close(3000,done)");
    ASSERT_TRUE(closed);
    EXPECT_TRUE(*closed);
  });
}

TEST(Socket, Rfc6455_7_1_DropsAPeerThatDoesNotAnswerTheClose) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.options = {.close_time = 2s}});
    Instant began = runtime_clock().now();
    EXPECT_EQ(talk->close(ctx).error().reason(), "slow-close");
    EXPECT_EQ(runtime_clock().now() - began, 2s);
    EXPECT_EQ(talk.lost(), "slow-close");
  });
}

TEST(Socket, Rfc6455_7_1_TakesACloseThatCrossesOursForTheAnswer) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(close_frame(1001));  // not read yet
    EXPECT_TRUE(talk->close(ctx));
    EXPECT_EQ(talk.hear(), "close(1000,)");
  });
}

TEST(Socket, Rfc6455_7_1_7_TellsThePeerWhyItBreaksOff) {
  struct Case {
    std::string bytes;
    const char* reason;
    const char* heard;
  };
  const Case table[] = {
      {"\xC1\x80", "reserved-bits", "close(1002,reserved-bits)"},
      {"\x83\x80", "reserved-opcode", "close(1002,reserved-opcode)"},
      {frame(Side::kServer, Opcode::kText, "x"), "unmasked-frame", "close(1002,unmasked-frame)"},
      {last("x"), "lone-continuation", "close(1002,lone-continuation)"},
      {begin_text("a") + text("b"), "interrupted-message", "close(1002,interrupted-message)"},
      {frame(Side::kClient, Opcode::kPing, "", false), "fragmented-control", "close(1002,fragmented-control)"},
      {close_frame(1005), "bad-close", "close(1002,bad-close)"},
      {close_frame(1000, "\xFF"), "bad-utf8", "close(1007,bad-utf8)"},
      {text("\xFF"), "bad-utf8", "close(1007,bad-utf8)"},
      {binary(std::string(101, 'x')), "too-large", "close(1009,too-large)"},
      {ping("first") + text("\xCE"), "bad-utf8", "pong(first) close(1007,bad-utf8)"},
  };
  for (const Case& each : table) {
    SCOPED_TRACE(each.heard);
    in_virtual_time([&](Context& ctx) {
      Talk talk(ctx, {.options = {.message_bytes_max = 100}});
      talk.say(each.bytes);
      EXPECT_EQ(talk.hear(), each.heard);
      EXPECT_EQ(talk.lost(), each.reason);
      EXPECT_EQ(talk.receive(), "!" + std::string(each.reason));
    });
  }
}

TEST(Socket, NoticesAPeerThatLeavesWithoutAWordAtOnce) {
  in_virtual_time([](Context& ctx) {
    for (bool ends_direction_only : {false, true}) {
      Talk talk(ctx);
      Instant began = runtime_clock().now();
      Error seen(Code::kUnknown);
      TaskGroup group(ctx);
      group.go([&](Context&) { seen = sleep(talk->context(), 1h).error(); });  // only waits
      let_all_park(ctx);
      ends_direction_only ? talk.peer().shutdown_write() : talk.hang_up();
      EXPECT_TRUE(group.wait());
      EXPECT_EQ(seen.reason(), "peer-gone");
      EXPECT_LT(runtime_clock().now() - began, 1us);
      EXPECT_EQ(talk.receive(), "!peer-gone");
    }
  });
}

// ---- stopping ----

TEST(Socket, SaysThatItGoesAwayAndReadsOnUntilThePeerCloses) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.stop();
    EXPECT_EQ(talk.hear(), "close(1001,)");
    EXPECT_EQ(talk.lost(), "");
    EXPECT_EQ(talk->send_text(ctx, "late").error().reason(), "closed");
    talk.say(text("on its way"));
    EXPECT_EQ(talk.receive(), "on its way");
    talk.say(close_frame(1001));
    EXPECT_EQ(talk.receive(), "!closed");
    EXPECT_EQ(talk.hear(), "close(1001,)");
  });
}

TEST(Socket, GoesAwayWhenThePeerDoesNotAnswerThatItShould) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.stop();
    talk.wait(4s);
    talk.say(ping("I do not care"));
    EXPECT_EQ(talk.lost(), "");
    talk.wait(1s);
    EXPECT_EQ(talk.lost(), "slow-close");
    EXPECT_EQ(talk.hear(), "close(1001,)");
  });
}

TEST(Socket, SaysThatItGoesAwayAlsoWhileNobodyTakesWhatCame) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx);
    talk.say(text("1") + text("2") + text("3"));
    let_all_park(ctx);
    talk.stop();
    EXPECT_EQ(talk.hear(), "close(1001,)");
    for (const char* each : {"1", "2", "3"}) EXPECT_EQ(talk.receive(), each);
  });
}

TEST(Socket, SaysThatItGoesAwayBetweenTwoFragmentsOfWhatItSends) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 1000});
    std::optional<Result<void>> sent;
    TaskGroup group(ctx);
    group.go([&](Context& own) { sent = talk->send_text(own, std::string(4 * FrameWriter::kFragmentBytes, 'l')); });
    let_all_park(ctx);
    talk.stop();
    EXPECT_EQ(talk.hear_until([](const std::string& heard) { return heard.contains("close"); }), "close(1001,)");
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->error().reason(), "closed");
  });
}

// ---- limits and back-pressure ----

TEST(Socket, StopsReadingWhenNobodyReceives) {
  in_virtual_time([](Context& ctx) {
    constexpr std::size_t kMessage = 10'000;
    Talk talk(ctx, {.wire_bytes = 1000});
    const std::string message = binary(std::string(kMessage, 'm'));
    std::size_t said = 0;
    TaskGroup group(ctx);
    group.go([&](Context&) {
      for (int i = 0; i < 20; ++i, ++said) talk.say(message);
    });
    talk.wait(10s);
    EXPECT_LE(said, 4U);  // one waits, one is on its way, and what fits into a read and the wire
    for (int i = 0; i < 20; ++i) EXPECT_EQ(talk.receive().size(), kMessage);
    EXPECT_TRUE(group.wait());
  });
}

TEST(Socket, WaitsForASlowReaderAndSendsAllOfIt) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 1000});
    const std::string large(100'000, 'l');
    bool was_sent = false;
    TaskGroup group(ctx);
    group.go([&](Context& own) { was_sent = talk->send_text(own, large).has_value(); });
    for (int i = 0; i < 20; ++i) {
      talk.wait(1s);
      static_cast<void>(talk.hear());
      EXPECT_FALSE(was_sent);
    }
    EXPECT_EQ(talk.hear_until([&](const std::string&) { return was_sent; }), "text(" + large + ")");
  });
}

TEST(Socket, GivesUpAPeerThatDoesNotRead) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.options = {.ping_interval = 0s}, .wire_bytes = 1000});
    Instant began = runtime_clock().now();
    EXPECT_EQ(talk->send_text(ctx, std::string(2000, 'x')).error().reason(), "slow-reader");
    EXPECT_EQ(runtime_clock().now() - began, 30s);
    EXPECT_EQ(talk.lost(), "slow-reader");
    EXPECT_EQ(talk->send_text(ctx, "more").error().reason(), "closed");
  });
}

TEST(Socket, IsLostWhenAFrameIsLeftInItsMiddle) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 1000});
    Context limited(ctx, 1s);
    EXPECT_EQ(talk->send_text(limited, std::string(2000, 'x')).error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(talk.lost(), "broken-off");
    EXPECT_EQ(talk->send_text(ctx, "more").error().reason(), "closed");
  });
}

TEST(Socket, IsNotLostWhenAMessageHasNotBegun) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 1000});
    TaskGroup group(ctx);
    group.go([&](Context& own) { return talk->send_text(own, std::string(2000, 'x')); });
    let_all_park(ctx);
    Context limited(ctx, 1s);
    EXPECT_EQ(talk->send_text(limited, "waits for its turn").error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(talk.lost(), "");
    EXPECT_TRUE(talk.hear_until([](const std::string& heard) { return !heard.empty(); }).starts_with("text("));
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(talk->send_text(ctx, "goes on"));
  });
}

TEST(Socket, SendsMessagesOfManyFibersWhole) {
  in_virtual_time([](Context& ctx) {
    Talk talk(ctx, {.wire_bytes = 5000});
    constexpr int kFibers = 10;
    const std::size_t size = FrameWriter::kFragmentBytes + 100;
    TaskGroup group(ctx);
    for (int i = 0; i < kFibers; ++i) {
      group.go([&, i](Context& own) { return talk->send_text(own, std::string(size, static_cast<char>('a' + i))); });
    }
    std::string all = talk.hear_until([](const std::string& heard) { return std::ranges::count(heard, ')') == kFibers; });
    EXPECT_TRUE(group.wait());
    for (int i = 0; i < kFibers; ++i) {
      EXPECT_TRUE(all.contains("text(" + std::string(size, static_cast<char>('a' + i)) + ")")) << static_cast<char>('a' + i);
    }
  });
}

// A race: messages of several fibers and the pongs of the one that reads, on one narrow wire.
TEST(Socket, MixesMessagesAndPongsOfFibersOnManyProcessors) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kRounds = kManyTimes / 200, kFibers = 3;
    auto [near, far] = net::memory_pair(3000);
    auto socket = Socket::open({.stream = *near, .parent = &ctx}, {.frame_time = 1h}).value();
    TaskGroup work(ctx), peer(ctx);
    for (int fiber = 0; fiber < kFibers; ++fiber) {
      work.go([&](Context& own) -> Result<void> {
        for (int i = 0; i < kRounds; ++i) SLUICE_TRY(socket->send_binary(own, as_bytes(std::string(500, 'm'))));
        return {};
      });
    }
    work.go([&](Context& own) -> Result<void> {
      for (int i = 0; i < kRounds; ++i) SLUICE_TRY(socket->receive(own));
      return {};
    });
    work.go([&, stream = far.get()](Context& own) -> Result<void> {
      for (int i = 0; i < kRounds; ++i) SLUICE_TRY(stream->write(own, as_bytes(ping("p") + text("message"))));
      return {};
    });
    std::string told;
    peer.go([&, stream = far.get()](Context& own) -> Result<void> {
      Transcript transcript(Side::kClient, kWideWire);
      for (std::array<std::byte, 4096> buffer; !transcript.is_over();) {
        SLUICE_TRY(std::size_t count, stream->read(own, buffer));
        transcript.feed(as_text(std::span(buffer).first(count)));
      }
      told = transcript.told();
      return stream->write(own, as_bytes(close_frame(1000)));
    });
    auto done = work.wait();
    EXPECT_TRUE(done) << done.error().describe();
    EXPECT_TRUE(socket->close(ctx));
    EXPECT_TRUE(peer.wait());
    std::size_t messages = 0;
    for (std::size_t at = 0; (at = told.find("binary(" + std::string(500, 'm') + ")", at)) != told.npos; ++at) ++messages;
    EXPECT_EQ(messages, static_cast<std::size_t>(kFibers * kRounds));
    EXPECT_TRUE(told.contains("pong(p)") && told.ends_with("close(1000,)"));
  });
}

TEST(Socket, SharesTheServersMemoryForBodies) {
  in_virtual_time([](Context& ctx) {
    BodyBudget bodies(100'000);
    Talk talk(ctx, {.bodies = &bodies});
    const std::string message = binary(std::string(90'000, 'x'));
    talk.say(message);
    EXPECT_EQ(talk.receive().size(), 90'000U);
    EXPECT_EQ(bodies.used(), 0U);  // it belongs to the handler now
    talk.say(message.substr(0, 50'000));
    let_all_park(ctx);
    EXPECT_GT(bodies.used(), 40'000U);
    EXPECT_TRUE(bodies.take(100'000 - bodies.used()));  // others come
    talk.say(message.substr(50'000));
    EXPECT_EQ(talk.hear(), "close(1013,overloaded)");
    EXPECT_EQ(talk.lost(), "overloaded");
  });
}

}  // namespace
}  // namespace sluice::http::websocket
