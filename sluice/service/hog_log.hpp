// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/spin_lock.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::service {

/// Whom the runtime tells of hogs (RuntimeOptions::on_hog): it is there before the program has made its log, and after the
/// log is gone. Those of the meantime are lines of the log, the others go to standard error. run_program makes one and puts
/// it into the program's context; a HogLog connects it.
/// Threads: any. Lifetime: outlives the runtime.
class HogRelay {
 public:
  HogRelay() = default;
  HogRelay(const HogRelay&) = delete;
  HogRelay& operator=(const HogRelay&) = delete;

  /// For RuntimeOptions::on_hog. Never parks, and uses nothing of the runtime.
  void tell(const Hog& hog) noexcept;

 private:
  friend class HogLog;

  // Held while a line is written, which takes a microsecond once a second: who disconnects the log may let it go then.
  SpinLock lock_;
  observe::Logger* log_ = nullptr;  // guarded by lock_; null: not connected
};

inline constexpr ContextKey<HogRelay*> kHogRelay{"hog relay"};

/// While it lives, a fiber that hogs its processor is an error in this log:
///   {"caller":"service/hog_log.cpp:30","content":"a fiber keeps its processor ...\n<stack>","fiber":17,"held_back":0,
///    "kept_for":"12.0ms","level":"error","started_at":"../apps/epro/serve_command.cpp:80", ...}
/// once a second at most; `held_back` are the others since the last line. The stack has names of functions and no values.
///
///   HogLog hogs(ctx, log);      // right after the log is made
///
/// Does nothing if `ctx` is not from run_program. Lifetime: the log outlives it; one at a time.
class [[nodiscard]] HogLog {
 public:
  HogLog(const Context& ctx, observe::Logger& log);
  HogLog(const HogLog&) = delete;
  HogLog& operator=(const HogLog&) = delete;
  ~HogLog();

 private:
  HogRelay* const relay_;  // null: nothing to connect
};

}  // namespace sluice::service
