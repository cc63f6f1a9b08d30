// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace sluice {

/// How long a blocking call is likely to take.
enum class Expect {
  kShort,  ///< mostly microseconds: keep the processor, lose it only if the call lasts (some 200 µs to 10 ms)
  kLong,   ///< mostly more than that (a flush to disk): give the processor away at once
};

namespace internal {
class Scheduler;

class BlockingSection {
 public:
  explicit BlockingSection(Expect expect) noexcept;
  BlockingSection(const BlockingSection&) = delete;
  BlockingSection& operator=(const BlockingSection&) = delete;
  ~BlockingSection();

 private:
  Scheduler* const scheduler_;  // null: nobody needs to know
};
}  // namespace internal

/// A call into the kernel or a C library may stop its thread. Wrapped in this, it stops nobody else: if it lasts, its
/// processor goes on with another thread.
///
///   int n = blocking([&] { return ::fdatasync(fd); }, Expect::kLong);
///
/// `fn` runs at once, on the calling fiber's stack and thread, and must not park or start fibers; its result is returned,
/// so read errno inside it. A short call costs some tens of nanoseconds. Outside of fibers it just calls fn.
template <class F>
decltype(auto) blocking(F&& fn, Expect expect = Expect::kShort) {
  internal::BlockingSection section(expect);
  return std::forward<F>(fn)();
}

}  // namespace sluice
