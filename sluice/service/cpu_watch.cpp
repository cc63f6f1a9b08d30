// SPDX-License-Identifier: MIT
#include <sluice/service/cpu_watch.hpp>

#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::service {
namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

double bound_to() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  return ::sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
}

Duration own_use() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

Result<void> CpuWatch::run(Context& ctx) {
  for (;;) {
    blocking([&] { look(runtime_clock().now()); });
    if (!sleep(ctx, governance::CpuLoad::kSampleEvery)) return {};
  }
}

void CpuWatch::look(Instant now) {
  double quota = governance::parse_cpu_max(read(cgroup_ / "cpu.max")).value_or(std::numeric_limits<double>::infinity());
  own_.add(now, own_use(), std::min(bound_to(), quota));

  std::optional<Duration> used = governance::parse_cpu_stat(read(cgroup_ / "cpu.stat"));
  if (!used) return shared_.forget();
  std::optional<int> cpus = governance::count_cpus(read(cgroup_ / "cpuset.cpus.effective"));
  double all = static_cast<double>(cpus ? *cpus : ::sysconf(_SC_NPROCESSORS_ONLN));
  shared_.add(now, *used, std::min(all, quota));
}

}  // namespace sluice::service
