// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/cpu_quota.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include <sched.h>

namespace sluice::internal {
namespace {

// The quota of the cgroup as a container sees it: at the root of its own view. "max" or no file: no limit.
double quota_in_processors() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period_us = 0;
  if (!(file >> quota >> period_us) || quota == "max" || period_us <= 0) return HUGE_VAL;
  char* end = nullptr;
  double quota_us = std::strtod(quota.c_str(), &end);
  return end == quota.c_str() || quota_us <= 0 ? HUGE_VAL : quota_us / period_us;
}

}  // namespace

std::size_t usable_processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  double count = ::sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  return static_cast<std::size_t>(std::max(1.0, std::ceil(std::min(count, quota_in_processors()))));
}

}  // namespace sluice::internal
