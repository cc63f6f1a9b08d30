// SPDX-License-Identifier: MIT
//
// A connection that has nothing to do: what it holds, and what ends that.
#include <sluice/http/h1_connection.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>
#include <sluice/runtime/many_seeds_test.hpp>
#include <sluice/runtime/runtime_metrics.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// What a scraper sees of the runtime.
class Sight {
 public:
  double fibers() { return value("sluice_fibers{state=\"running\"}") + value("sluice_fibers{state=\"waiting\"}") +
                           value("sluice_fibers{state=\"runnable\"}"); }
  double standbys() { return value("sluice_standbys"); }

 private:
  double value(const std::string& name) {
    std::string page = "\n" + observe::prometheus_text(registry_);
    std::size_t at = page.find("\n" + name + " ");
    EXPECT_NE(at, page.npos) << name;
    return at == page.npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  }

  observe::Registry registry_;
  RuntimeMetrics metrics_{registry_};
};

TEST(H1ConnectionIdle, HoldsNoFiberBeforeTheFirstRequestAndBetweenTwo) {
  in_virtual_time([](Context& ctx) {
    Sight sight;
    const double before = sight.fibers();
    constexpr int kConnections = 1'000;
    std::deque<Conversation> talks;
    for (int i = 0; i < kConnections; ++i) talks.emplace_back(ctx, tell_target, H1Options{}, 4096);
    let_all_park(ctx);
    EXPECT_EQ(sight.fibers(), before);
    EXPECT_EQ(sight.standbys(), kConnections);
    for (Conversation& talk : talks) EXPECT_EQ(talk.ask(get("/a")).body, "/a");
    EXPECT_EQ(sight.fibers(), before);
    EXPECT_EQ(sight.standbys(), kConnections);
    talks.clear();
    EXPECT_EQ(sight.standbys(), 0);
  });
}

TEST(H1ConnectionIdle, HoldsAFiberWhileAHeadIsNotComplete) {
  in_virtual_time([](Context& ctx) {
    Sight sight;
    Conversation talk(ctx, tell_target);
    let_all_park(ctx);
    const double idle = sight.fibers();
    talk.say("GET / HT");
    let_all_park(ctx);
    EXPECT_EQ(sight.fibers(), idle + 1);
    EXPECT_EQ(talk.ask("TP/1.1\r\nHost: h\r\n\r\n").body, "/");
    EXPECT_EQ(sight.fibers(), idle);
  });
}

TEST(H1ConnectionIdle, EndsWhenThePeerLeaves) {
  in_virtual_time([](Context& ctx) {
    Conversation silent(ctx, tell_target), served(ctx, tell_target);
    served.ask(get("/a"));
    silent.hang_up();
    served.end_input();
    EXPECT_TRUE(silent.is_over());
    EXPECT_TRUE(served.is_over());
  });
}

TEST(H1ConnectionIdle, EndsAtTheIdleTimeCountedFromTheLastReply) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target, {.idle_time = 75s});
    talk.wait(74s);
    talk.ask(get("/a"));
    talk.wait(74s);
    EXPECT_FALSE(talk.is_over());
    talk.wait(1s);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1ConnectionIdle, EndsAtOnceWhenTheServerStopsAlsoBeforeTheFirstRequest) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    let_all_park(ctx);
    talk.stop_accepting();
    EXPECT_TRUE(talk.is_over());
    EXPECT_EQ(take_arrived(talk.client()), "");
  });
}

// The verdict does not depend on how the bytes were split: one empty line may stand before a request, two may not, however
// long the connection idled in between.
TEST(H1ConnectionIdle, RemembersAnEmptyLineBeforeTheRequest) {
  in_virtual_time([](Context& ctx) {
    Conversation one(ctx, tell_target), two(ctx, tell_target);
    one.say("\r\n");
    EXPECT_EQ(one.hear(), "");
    EXPECT_EQ(one.ask(get("/a")).body, "/a");
    one.say("\r\n");  // before the next one it may stand again
    EXPECT_EQ(one.hear(), "");
    EXPECT_EQ(one.ask(get("/b")).body, "/b");
    two.say("\r\n");
    EXPECT_EQ(two.hear(), "");
    EXPECT_EQ(two.ask("\r\n").status, 400);
  });
}

// Bytes come at any moment of the last read, the look whether to wait, and the wait: none is lost, whoever runs next.
TEST(H1ConnectionIdle, MissesNoBytesHoweverTheyCome) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Conversation talk(ctx, tell_target);
    std::string said, heard;
    for (int i = 0; i < 8; ++i) said.append(get("/" + std::to_string(i)));
    for (std::string_view rest = said; !rest.empty();) {
      std::size_t count = std::min<std::size_t>(1 + chance.below(60), rest.size());
      talk.say(rest.substr(0, count));
      rest.remove_prefix(count);
      chance.wander();
      if (chance.one_in(4)) heard.append(take_arrived(talk.client()));
    }
    heard.append(talk.hear());
    auto replies = parse_replies(heard);
    ASSERT_EQ(replies.size(), 8U);
    for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].body, "/" + std::to_string(i));
  });
}

// Stop, hang-up, deadline and bytes at about the same moment: it ends once, and is served at most once.
TEST(H1ConnectionIdle, EndsOnceWhateverComesTogether) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    int served = 0;
    Conversation talk(
        ctx,
        [&](Context&, const Request&) {
          ++served;
          return Response::text("");
        },
        {.idle_time = Duration(4)});
    TaskGroup group(ctx);
    if (chance.one_in(2))
      group.go([&](Context&) {
        chance.wander();
        talk.stop_accepting();
      });
    group.go([&](Context& own) {
      chance.wander();
      static_cast<void>(talk.client().write(own, as_bytes(get("/a"))));  // the server may have closed
    });
    EXPECT_TRUE(group.wait());
    talk.wait(1s);
    EXPECT_TRUE(talk.is_over());
    EXPECT_LE(served, 1);
  });
}

}  // namespace
}  // namespace sluice::http
