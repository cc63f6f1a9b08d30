// SPDX-License-Identifier: MIT
#include <sluice/service/hog_log.hpp>

#include <mutex>
#include <string>

#include <sluice/base/assert.hpp>
#include <sluice/observe/log.hpp>

namespace sluice::service {
namespace {

HogRelay* find_relay(const Context& ctx) noexcept {
  HogRelay* const* found = ctx.get(kHogRelay);
  return found != nullptr ? *found : nullptr;
}

}  // namespace

void HogRelay::tell(const Hog& hog) noexcept {
  // Put together before the lock is taken, and written under it: a logger neither allocates nor waits.
  std::string content = "a fiber keeps its processor without blocking() or yield()\n" + hog.stack;
  std::string started_at = std::string(hog.started_at.file_name()) + ":" + std::to_string(hog.started_at.line());
  {
    std::lock_guard hold(lock_);
    if (log_ != nullptr) {
      log_->error(content, {{"fiber", hog.fiber},
                            {"started_at", std::string_view(started_at)},
                            {"kept_for", hog.kept_for},
                            {"held_back", hog.unreported}});
      return;
    }
  }
  report_hog(hog);
}

HogLog::HogLog(const Context& ctx, observe::Logger& log) : relay_(find_relay(ctx)) {
  if (relay_ == nullptr) return;
  std::lock_guard hold(relay_->lock_);
  SLUICE_ASSERT(relay_->log_ == nullptr, "hogs are told in one log at a time");
  relay_->log_ = &log;
}

HogLog::~HogLog() {
  if (relay_ == nullptr) return;
  std::lock_guard hold(relay_->lock_);
  relay_->log_ = nullptr;
}

}  // namespace sluice::service
