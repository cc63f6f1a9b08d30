// SPDX-License-Identifier: MIT
#include <sluice/service/log_writer.hpp>

#include <array>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::service {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  ~Pipe() {
    for (int end : ends_) ::close(end);
  }
  [[nodiscard]] int writing_end() const { return ends_[1]; }
  std::string read() {
    std::array<char, 65536> buffer;
    ssize_t count = ::read(ends_[0], buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(LogWriter, WritesWhatWasSaidAndAtTheEndWhatIsLeft) {
  in_virtual_time([](Context& ctx) {
    observe::Registry metrics;
    observe::Logger log(runtime_clock(), metrics);
    Pipe pipe;
    Context writing{ctx};
    TaskGroup group{ctx};
    group.go([&](Context&) { return write_log(writing, log, pipe.writing_end()); });
    log.info("first");
    static_cast<void>(sleep(ctx, std::chrono::seconds(1)));
    std::string seen = pipe.read();
    EXPECT_NE(seen.find("first"), seen.npos);
    log.info("last");
    writing.cancel();
    EXPECT_TRUE(group.wait());
    seen = pipe.read();
    EXPECT_NE(seen.find("last"), seen.npos);
    EXPECT_EQ(seen.find("first"), seen.npos);
  });
}

TEST(LogWriter, ADescriptorThatCannotBeWrittenLosesLinesAndNothingElse) {
  in_virtual_time([](Context&) {
    observe::Registry metrics;
    observe::Logger log(runtime_clock(), metrics);
    log.info("to nobody");
    flush_log(log, -1);
    Pipe pipe;
    log.info("to somebody");
    flush_log(log, pipe.writing_end());
    std::string seen = pipe.read();
    EXPECT_EQ(seen.find("to nobody"), seen.npos);
    EXPECT_NE(seen.find("to somebody"), seen.npos);
  });
}

}  // namespace
}  // namespace sluice::service
