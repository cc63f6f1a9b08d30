// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::service {

/// The parts of a program that run side by side: they start in the order they were added, and when it is time to go they
/// stop one after the other in reverse, so that each can still use those before it.
///
///   Program program(log);
///   program.add("drain", [&](Context& ctx) { return drain.run(ctx); });
///   program.add("http", [&](Context& ctx) { return server.serve(ctx); });     // stopped first, and to its end
///   return program.run(ctx, stop_signal);
///
/// Lifetime: what the parts use outlives run(). Threads: one fiber.
class Program {
 public:
  /// Runs until its context ends, then tidies up and returns; an error before that ends the program.
  using Part = std::function<Result<void>(Context&)>;

  explicit Program(observe::Logger& log) : log_(log) {}
  /// Requires: run() has not begun.
  void add(std::string name, Part part) { parts_.push_back({std::move(name), std::move(part)}); }

  /// Runs all parts until `stop` ends or one of them does; then stops them. The first part's error that was not the answer
  /// to being stopped, if any. `stop` is not their parent: they learn of the end one by one.
  Result<void> run(Context& ctx, Context& stop);

 private:
  struct Named {
    std::string name;
    Part part;
  };
  observe::Logger& log_;
  std::deque<Named> parts_;
};

/// How a program is ended from outside.
struct ProgramOptions {
  RuntimeOptions runtime;
  /// From the signal to the end, whatever still runs then: the process exits with status 1 after saying so.
  Duration stop_time = std::chrono::seconds(10);
};

/// A process' main function: a runtime in which `main` runs, and a context that ends with the first SIGTERM or SIGINT. A
/// second signal ends the process at once. SIGPIPE and SIGXFSZ are ignored: a closed
/// connection and a file that may not grow are error values.
/// Fibers that hog their processor are told to the program's log (hog_log.hpp), unless options.runtime.on_hog is set.
/// glibc's allocator is told to give large blocks back to the system at once, and to keep few arenas.
///
///   int main() {
///     return sluice::service::run_program([](sluice::Context& ctx, sluice::Context& stop) { ... });
///   }
///
/// `ctx` lives until main returns. Returns the process' exit status.
int run_program(std::function<Result<void>(Context& ctx, Context& stop)> main, ProgramOptions options = {});

}  // namespace sluice::service
