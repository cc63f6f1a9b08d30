// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/wait_group.hpp>

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

template <class T>
struct ResultOf : std::type_identity<Result<T>> {};
template <class T>
struct ResultOf<Result<T>> : std::type_identity<Result<T>> {};
template <class T>
using AsResult = typename ResultOf<T>::type;
}  // namespace internal

/// A call into the kernel or a C library may stop its thread. Wrapped in this, it stops nobody else: if it lasts, its
/// processor goes on with another thread.
///
///   int n = blocking([&] { return ::fdatasync(fd); }, Expect::kLong);
///
/// `fn` runs at once, on the calling fiber's stack and thread, and must not park or start fibers; its result is returned,
/// so read errno inside it. It waits before it begins while RuntimeOptions::blocking_calls_max others last. A short call costs
/// some tens of nanoseconds. Outside of fibers it just calls fn.
template <class F>
decltype(auto) blocking(F&& fn, Expect expect = Expect::kShort) {
  internal::BlockingSection section(expect);
  return std::forward<F>(fn)();
}

/// As above, for a caller who may not have the time: if `ctx` ends first he gets its cause, and the call goes on without him,
/// for the kernel knows no way to take it back. So `fn` owns all that it uses, and the process the call until it returns.
///
///   SLUICE_TRY(auto addresses, blocking(request, [host] { return resolve(host); }));
///
/// The answer is what fn returns, as a Result; kResourceExhausted: no stack. It costs a fiber. An exception that leaves fn ends
/// the process, as in go(). Requires: in a fiber.
template <std::invocable F>
internal::AsResult<std::invoke_result_t<F&>> blocking(Context& ctx, F fn, Expect expect = Expect::kLong) {
  using Returned = std::invoke_result_t<F&>;
  using Kept = std::conditional_t<std::is_void_v<Returned>, std::monostate, Returned>;
  struct Call {
    explicit Call(F f) : fn(std::move(f)) {}
    F fn;
    std::optional<Kept> kept;  // published by `returned`
    WaitGroup returned;
  };
  SLUICE_TRY(ctx.check());
  auto call = std::make_shared<Call>(std::move(fn));
  call->returned.add();
  SLUICE_TRY(go([call, expect] {
    if constexpr (std::is_void_v<Returned>) {
      blocking(call->fn, expect);
      call->kept.emplace();
    } else {
      call->kept.emplace(blocking(call->fn, expect));
    }
    call->returned.done();
  }));
  SLUICE_TRY(call->returned.wait(ctx));
  if constexpr (std::is_void_v<Returned>) {
    return {};
  } else {
    return std::move(*call->kept);
  }
}

}  // namespace sluice
