// SPDX-License-Identifier: MIT
#include <sluice/runtime/dump.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {

// Outside of the unnamed namespace and never inlined: their names are looked for.
[[gnu::noinline]] void wait_for_a_letter(Context& ctx, Chan<int>& letters) {
  static_cast<void>(letters.recv(ctx));
  asm volatile("" ::: "memory");  // no tail call
}
[[gnu::noinline]] void count_sheep(const std::atomic<bool>& enough) {
  while (!enough.load()) asm volatile("");  // with LTO another test's loop is the same function otherwise
}
[[gnu::noinline]] void read_slowly(int fd) {
  char byte;
  [[maybe_unused]] ssize_t got = ::read(fd, &byte, 1);
  asm volatile("" ::: "memory");
}

namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_THREAD__)
constexpr bool kAnswersWhileItRuns = false;  // TSan keeps a signal back until the thread calls something that it knows
#else
constexpr bool kAnswersWhileItRuns = true;
#endif

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// The part of the dump about the fibers that wait for this reason, from the empty line before to the one after.
std::string paragraph(const std::string& text, std::string_view part) {
  std::size_t at = text.find(part);
  if (at == text.npos) return {};
  std::size_t begin = text.rfind("\n\n", at), end = text.find("\n\n", at);
  begin = begin == text.npos ? 0 : begin + 2;
  return text.substr(begin, end == text.npos ? end : end - begin);
}

TEST(Dump, ShowsWhatAParkedFiberWaitsForAndWhere) {
  in_virtual_time([](Context& ctx) {
    Chan<int> letters;
    TaskGroup group{ctx};
    group.go([&](Context& own) { wait_for_a_letter(own, letters); });
    let_all_park(ctx);
    std::string text = paragraph(dump_fibers(), "receiving from a channel");
    EXPECT_TRUE(text.starts_with("fiber 2: waiting, receiving from a channel for ")) << text;
    EXPECT_TRUE(has(text, "dump_test.cpp:")) << text;
    EXPECT_TRUE(has(text, "sluice::wait_for_a_letter(sluice::Context&, sluice::Chan<int>&)+0x")) << text;
    EXPECT_FALSE(has(text, "sluice::internal::park_current")) << "the runtime's own frames say nothing:\n" << text;
    EXPECT_FALSE(has(text, "fiber_main")) << text;
    EXPECT_FALSE(has(text, "spawn<")) << text;
  });
}

TEST(Dump, TellsThoseThatStandAtOnePlaceTogether) {
  in_virtual_time([](Context& ctx) {
    Chan<int> letters, parcels;
    TaskGroup group{ctx};
    for (int i = 0; i < 1000; ++i) group.go([&](Context& own) { wait_for_a_letter(own, letters); });
    group.go([&](Context& own) { wait_for_a_letter(own, parcels); });
    let_all_park(ctx);
    std::string text = dump_fibers();
    EXPECT_TRUE(has(text, "1002 fibers: 1 running; 1001 waiting\n")) << text;
    EXPECT_TRUE(has(text, "\n1000 fibers (2, 3, 4, 5, 6, ...): waiting, receiving from a channel")) << text;
    EXPECT_TRUE(has(text, "\nfiber 1002: waiting")) << text;
    EXPECT_LT(text.size(), 5'000U);
  });
}

TEST(Dump, KeepsWithinItsLimitsAndSaysWhatIsLeftOut) {
  in_virtual_time([](Context& ctx) {
    Chan<int> letters;
    TaskGroup group{ctx};
    for (int i = 0; i < 10; ++i) group.go([&](Context& own) { wait_for_a_letter(own, letters); });
    let_all_park(ctx);
    std::string text = dump_fibers({.stacks_max = 1, .frames_max = 1});
    EXPECT_TRUE(has(text, "    ... and more frames\n")) << text;
    EXPECT_TRUE(has(text, "and 10 fibers with other stacks (only 1 of them are shown)")) << text;
    EXPECT_FALSE(has(text, "wait_for_a_letter")) << text;
    EXPECT_TRUE(has(dump_fibers({.stacks_max = 0}), "and 11 fibers")) << text;
  });
}

TEST(Dump, ShowsNewAndRunnableFibersAndTheOneThatAsks) {
  in_virtual_time([](Context& ctx) {
    TaskGroup group{ctx};
    bool yields = true;
    group.go([&](Context&) {
      while (yields) yield();
    });
    yield();
    group.go([](Context&) {});
    std::string text = dump_fibers();
    EXPECT_TRUE(has(text, "3 fibers: 1 running; 1 runnable; 1 new, has not run yet\n")) << text;
    EXPECT_TRUE(has(paragraph(text, ": runnable for "), "TestBody()::{lambda(sluice::Context&)#1}")) << text;
    EXPECT_TRUE(has(paragraph(text, ": running for "), "sluice::dump_fibers")) << text;
    yields = false;
  });
}

TEST(Dump, AsksFibersThatRunOnOtherThreads) {
  if (!kAnswersWhileItRuns) GTEST_SKIP() << "TSan keeps signals back";
  on_processors(2, [](Context& ctx) {
    std::atomic<bool> enough{false}, begun{false};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      begun = true;
      count_sheep(enough);
    });
    while (!begun) yield();
    std::string text;
    // On a busy machine the other thread may not get to say it in time.
    for (int looks = 0; looks < 1000 && (text.empty() || has(text, "did not say")); ++looks) text = dump_fibers();
    enough = true;
    EXPECT_TRUE(has(text, "2 fibers: 2 running\n")) << text;
    EXPECT_TRUE(has(text, "    sluice::count_sheep(")) << text;
    EXPECT_FALSE(has(text, "did not say")) << text;
  });
}

// The C library has no frame pointers: the caller is found all the same.
TEST(Dump, ShowsWhoIsInABlockingCall) {
  if (!kAnswersWhileItRuns) GTEST_SKIP() << "TSan keeps signals back";
  on_processors(2, [](Context& ctx) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    TaskGroup group{ctx};
    std::atomic<bool> begun{false};
    group.go([&](Context&) {
      blocking([&] {
        begun = true;
        read_slowly(ends[0]);
      });
    });
    while (!begun) yield();
    std::string text;
    for (int looks = 0; looks < 1000 && !has(text, "read"); ++looks) text = paragraph(dump_fibers(), ": in a blocking call for ");
    ::close(ends[1]);
    EXPECT_TRUE(group.wait());
    ::close(ends[0]);
    EXPECT_TRUE(has(text, "read")) << text;
    EXPECT_TRUE(has(text, "sluice::read_slowly(int)+0x")) << text;
    EXPECT_TRUE(has(text, "blocking")) << text;
  });
}

// Races: fibers come and go, and change threads, while somebody looks.
TEST(Dump, DisturbsNobody) {
  on_few_and_many_processors([](Context& ctx) {
    Chan<int> balls{2};
    TaskGroup group{ctx};
    std::atomic<bool> enough{false};
    for (int i = 0; i < 4; ++i)
      group.go([&](Context& own) -> Result<void> {
        while (!enough) {
          TaskGroup inner{own};
          inner.go([&](Context& mine) { static_cast<void>(balls.send(mine, 1)); });
          inner.go([&](Context& mine) { static_cast<void>(balls.recv(mine)); });
          SLUICE_TRY(inner.wait());
        }
        return {};
      });
    std::size_t seen = 0, looks = kSanitized ? 10 : 100;
    for (std::size_t i = 0; i < looks; ++i) {
      seen += std::strtoul(blocking([] { return dump_fibers(); }).c_str(), nullptr, 10);
      yield();
    }
    EXPECT_GE(seen, 5 * looks) << "the four and we are there all the time";
    enough = true;
    EXPECT_TRUE(group.wait());
  });
}

/// What is written to standard error while this lives.
class CapturedStderr {
 public:
  CapturedStderr() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    restore();
    ::close(ends_[0]);
  }
  /// Up to and with `last`.
  std::string read_until(std::string_view last) {
    std::string text;
    while (!has(text, last)) {
      char bytes[4096];
      pollfd end{ends_[0], POLLIN, 0};
      int ready = ::poll(&end, 1, 20'000);
      if (ready < 0 && errno == EINTR) continue;  // it is interrupted by just what it waits for
      if (ready != 1) break;
      text.append(bytes, static_cast<std::size_t>(::read(ends_[0], bytes, sizeof bytes)));
    }
    restore();
    return text;
  }

 private:
  void restore() {
    if (before_ >= 0) ::dup2(before_, STDERR_FILENO), ::close(before_);
    before_ = -1;
  }
  int before_;
  int ends_[2];
};

TEST(Dump, IsWrittenOnSigquitAlthoughEveryProcessorIsInAnEndlessLoop) {
  on_processors(2, [](Context& ctx) {
    std::atomic<bool> enough{false}, begun{false};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      begun = true;
      count_sheep(enough);
    });
    while (!begun) yield();
    CapturedStderr captured;
    ::kill(::getpid(), SIGQUIT);
    std::string text = captured.read_until("(the program goes on)\n");  // and meanwhile our processor runs nobody either
    enough = true;
    EXPECT_TRUE(has(text, "SIGQUIT: 2 fibers: 2 running\n")) << text;
    EXPECT_TRUE(has(text, "sluice::count_sheep(") || !kAnswersWhileItRuns) << text;
  });
}

TEST(Dump, IsWrittenOnSigquitWhileEveryProcessorSleeps) {
  on_processors(2, [](Context& ctx) {
    CapturedStderr captured;
    Chan<int> never;
    TaskGroup waiting{ctx}, asking{ctx};
    waiting.go([&](Context& own) { wait_for_a_letter(own, never); });
    std::string text;
    asking.go([&](Context&) {
      auto ask = [&] {
        ::kill(::getpid(), SIGQUIT);
        text = captured.read_until("(the program goes on)\n");
      };
      blocking(ask, Expect::kLong);  // it has no processor meanwhile, and the two have nothing to do
    });
    EXPECT_TRUE(asking.wait());
    EXPECT_TRUE(has(text, "1 in a blocking call")) << text;
    never.close();
  });
}

TEST(Dump, LeavesSigquitAloneIfTheProgramHasAHandlerOrWishes) {
  auto handler_inside = [](bool wanted) {
    struct sigaction inside {};
    EXPECT_EQ(run([&](Context&) -> Result<void> {
      ::sigaction(SIGQUIT, nullptr, &inside);
      return {};
    }, {.processors = 1, .dumps_on_sigquit = wanted}), 0);
    return inside.sa_handler;
  };
  EXPECT_EQ(handler_inside(false), SIG_DFL);
  EXPECT_NE(handler_inside(true), SIG_DFL);
  auto own = +[](int) {};
  ::signal(SIGQUIT, own);
  EXPECT_EQ(handler_inside(true), own);
  ::signal(SIGQUIT, SIG_DFL);
  EXPECT_EQ(handler_inside(true), handler_inside(true));
  struct sigaction after {};
  ::sigaction(SIGQUIT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
}

TEST(Dump, IsWrittenOnSigquitByAProgramThatAScriptHasStartedInTheBackground) {
  ::signal(SIGQUIT, SIG_IGN);  // as the shell leaves it there
  on_processors(1, [](Context&) {
    CapturedStderr captured;
    ::kill(::getpid(), SIGQUIT);
    EXPECT_TRUE(has(captured.read_until("(the program goes on)\n"), "SIGQUIT: 1 fiber: 1 running\n") || !kAnswersWhileItRuns);
  });
  EXPECT_EQ(::signal(SIGQUIT, SIG_DFL), SIG_IGN);
}

// Sysmon tells of hogs, and until it has done so nobody hands a processor on.
TEST(ReportOfAHog, WaitsForNoReader) {
  CapturedStderr captured;
  int flags = ::fcntl(STDERR_FILENO, F_GETFL);
  ::fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
  while (::write(STDERR_FILENO, "full", 4) > 0) {}
  ::fcntl(STDERR_FILENO, F_SETFL, flags);
  Instant before = system_clock().now();
  report_hog({});
  EXPECT_LT(system_clock().now() - before, 500ms);  // it was a second
}

}  // namespace
}  // namespace sluice
