// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/governance/cpu_load.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::service {

/// How busy our share of the machine is, looked at four times a second: the cgroup's use of its quota (v2, as a container sees
/// it at the root of its view), which others may share, or this process's use of the processors it is bound to, whichever is
/// more. Where no cgroup can be read, the second alone.
///
///   CpuWatch cpu;
///   program.add("cpu", [&](Context& ctx) { return cpu.run(ctx); });
///   Shedder shedder(clock.now(), 900, [&] { return cpu.permille(); });
///
/// Threads: run() by one fiber, permille() by any. Lifetime: outlives both.
class CpuWatch {
 public:
  explicit CpuWatch(std::filesystem::path cgroup = "/sys/fs/cgroup") : cgroup_(std::move(cgroup)) {}

  /// Looks until ctx ends; ok then.
  Result<void> run(Context& ctx);
  /// Looks once.
  void look(Instant now);

  /// 0 to 1000, smoothed.
  [[nodiscard]] int permille() const noexcept { return std::max(shared_.permille(), own_.permille()); }

 private:
  const std::filesystem::path cgroup_;
  governance::CpuLoad shared_;
  governance::CpuLoad own_;
};

}  // namespace sluice::service
