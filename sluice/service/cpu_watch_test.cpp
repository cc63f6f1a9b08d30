// SPDX-License-Identifier: MIT
#include <sluice/service/cpu_watch.hpp>

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/scratch_folder_test.hpp>

namespace sluice::service {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);

// A cgroup of files; instants are ours, so this process's own use, which is real, counts as next to nothing.
class CpuWatchTest : public testing::Test {
 protected:
  void say(const std::string& file, const std::string& text) { std::ofstream(scratch.path() / file) << text; }
  void use(std::chrono::microseconds more) {
    used += more;
    say("cpu.stat", "usage_usec " + std::to_string(used.count()) + "\n");
  }
  // For a minute, so much in each quarter of a second.
  void go_on(std::chrono::microseconds each) {
    for (int i = 0; i < 240; ++i) {
      use(each);
      watch.look(now += 250ms);
    }
  }

  ScratchFolder scratch;
  CpuWatch watch{scratch.path()};
  Instant now = kStart;
  std::chrono::microseconds used{};
};

TEST_F(CpuWatchTest, SaysHowMuchOfTheQuotaIsUsed) {
  say("cpu.max", "50000 100000\n");  // half a processor
  say("cpuset.cpus.effective", "0-3\n");
  go_on(62'500us);
  EXPECT_NEAR(watch.permille(), 490, 15) << "half of the half";
  go_on(125ms);
  EXPECT_NEAR(watch.permille(), 985, 15);
  go_on(0us);
  EXPECT_LT(watch.permille(), 20);
}

TEST_F(CpuWatchTest, WithoutAQuotaItIsTheProcessorsOfTheSet) {
  say("cpu.max", "max 100000\n");
  say("cpuset.cpus.effective", "0-3,6\n");
  go_on(5 * 125ms);
  EXPECT_NEAR(watch.permille(), 490, 15) << "half of five";
}

TEST_F(CpuWatchTest, NobodyIsBusyWhoseCgroupCannotBeRead) {
  say("cpuset.cpus.effective", "0\n");
  go_on(250ms);
  ASSERT_GT(watch.permille(), 900);
  std::filesystem::remove(scratch.path() / "cpu.stat");
  watch.look(now += 250ms);
  EXPECT_LT(watch.permille(), 100);
}

TEST(CpuWatchHere, ReadsWhatThisMachineHas) {
  CpuWatch watch;
  for (int i = 0; i < 4; ++i) watch.look(kStart + i * 250ms);
  EXPECT_GE(watch.permille(), 0);
  EXPECT_LE(watch.permille(), 1000);
}

// Without a cgroup: a second of work in a second that we make up.
TEST(CpuWatchHere, SeesItsOwnProcessWork) {
  ScratchFolder nothing;
  CpuWatch watch(nothing.path());
  timespec began{}, at{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
  watch.look(kStart);
  do ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  while (at.tv_sec * 1'000'000'000 + at.tv_nsec - began.tv_sec * 1'000'000'000 - began.tv_nsec < 20'000'000);
  watch.look(kStart + 1ms);  // twenty times as much as one processor can do in that time
  EXPECT_GE(watch.permille(), 49) << "one sample of all there is";
}

}  // namespace
}  // namespace sluice::service
