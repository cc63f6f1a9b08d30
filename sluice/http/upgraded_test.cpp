// SPDX-License-Identifier: MIT
#include <sluice/http/upgraded.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

Handler taking_over(Response::TakeOver take_over) {
  return [take_over = std::move(take_over)](Context&, const Request&) {
    Response response = Response::empty(status::kSwitchingProtocols);
    response.headers.add("Upgrade", "shout");
    response.take_over = take_over;
    return response;
  };
}

constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nUpgrade: shout\r\n"
    "Connection: Upgrade\r\n\r\n";

TEST(Upgraded, GivesTheBytesOfBothDirectionsAway) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, taking_over([](Context& own, const Upgraded& connection) -> Result<void> {
                        std::string heard(connection.early);
                        std::array<std::byte, 100> buffer;
                        SLUICE_TRY(std::size_t count, connection.stream.read(own, buffer));
                        heard.append(as_text(std::span(buffer).first(count)));
                        return connection.stream.write(own, as_bytes(heard + "!"));
                      }));
    talk.say("GET / HTTP/1.1\r\nHost: h\r\n\r\nHTTP/1.1 ");
    EXPECT_EQ(talk.hear(), kSwitched);
    talk.say("no more\r\n\r\n");
    EXPECT_EQ(talk.hear(), "HTTP/1.1 no more\r\n\r\n!");
    talk.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");  // nobody answers: the connection has ended
    EXPECT_EQ(talk.hear(), "");
    talk.wait(2s);  // it lingered
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(Upgraded, ComesBehindTheRequestsBody) {
  in_virtual_time([](Context& ctx) {
    std::string early;
    Conversation talk(ctx, taking_over([&](Context&, const Upgraded& connection) -> Result<void> {
                        early = connection.early;
                        return {};
                      }));
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyearly");
    EXPECT_EQ(talk.hear(), kSwitched);
    EXPECT_EQ(early, "early");
  });
}

TEST(Upgraded, ReportsWhatWentWrong) {
  in_virtual_time([](Context& ctx) {
    Conversation throwing(ctx, taking_over([](Context&, const Upgraded&) -> Result<void> { throw std::runtime_error("x"); }));
    throwing.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(throwing.hear(), kSwitched);
    EXPECT_EQ(throwing.refusals.reasons, std::vector<std::string>{"broken-upgrade"});
  });
}

TEST(Upgraded, IsToldThatTheServerStopsAndEndsWhenTheTimeToDrainIsOver) {
  in_virtual_time([](Context& ctx) {
    std::string told;
    Conversation talk(ctx, taking_over([&](Context& own, const Upgraded& connection) -> Result<void> {
                        EXPECT_FALSE(sleep(connection.stopping, 1h));
                        told.append("stopping ");
                        EXPECT_FALSE(sleep(own, 1h));
                        told.append("over");
                        return {};
                      }));
    talk.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(talk.hear(), kSwitched);
    talk.stop_accepting();
    let_all_park(ctx);
    EXPECT_EQ(told, "stopping ");
    talk.cancel_requests(Error(Code::kUnavailable));
    let_all_park(ctx);
    EXPECT_EQ(told, "stopping over");
  });
}

}  // namespace
}  // namespace sluice::http
