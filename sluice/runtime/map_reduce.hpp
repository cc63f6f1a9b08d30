// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/guarded.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {

/// Calls fn(Context&, element) for every element of `range`, at most `limit` at a time, each in its own fiber, and parks
/// until all have returned. fn returns Result<void> or nothing.
///
///   SLUICE_TRY(for_each(ctx, urls, 8, [&](Context& ctx, const Url& url) { return fetch(ctx, url); }));
///
/// The first error ends the context of the others, no further call begins, and it is returned when all have come back; so
/// is the cause of ctx if that has ended. Nothing is queued: the calling fiber takes the next element when the one before
/// has begun, so the range may be endless, or a Chan, for which it waits no longer than that context lives. An element that
/// lives in the range is passed by reference; one that the range makes on the way, or hands out once, is moved into its
/// fiber; if it is const, copied. What each call did is visible to the caller afterwards. An exception that leaves fn ends the
/// process, as for go(); one of the range comes back to the caller, when all calls have.
/// Requires: limit > 0. Source: the discipline of go-zero's mr package.
template <std::ranges::input_range Range, class F>
Result<void> for_each(Context& ctx, Range&& range, std::size_t limit, F&& fn);

/// Joins what map(Context&, element) makes of each element into one value, beginning with `init`:
/// total = reduce(std::move(total), mapped). map returns Result<U> or U, reduce a T; it is called by one fiber at a time and
/// must not park.
///
///   SLUICE_TRY(auto bytes, map_reduce(ctx, files, 8, measure, std::plus<>(), Bytes{0}));
///
/// reduce takes results in the order in which they come, so that none has to be kept for an earlier one; where the order
/// matters, let for_each write each into its own place. An exception that leaves map or reduce ends the process. All else as
/// for_each: limit, errors, visibility.
template <std::ranges::input_range Range, class Map, class Reduce, class T>
Result<T> map_reduce(Context& ctx, Range&& range, std::size_t limit, Map&& map, Reduce&& reduce, T init);

// ---- implementation ----

namespace internal {

// What a fiber gets: a reference to an element that lives in the range as long as the range does; of a range that is read
// only once, such as a channel, or that makes its elements, the element itself.
template <class Range, class Reference = std::ranges::range_reference_t<Range>>
using Element = std::conditional_t<std::ranges::forward_range<Range> && std::is_lvalue_reference_v<Reference>, Reference,
                                   std::ranges::range_value_t<Range>>;

// How it gets there from a reference: what is const is copied.
template <class Range, class Reference = std::ranges::range_reference_t<Range>>
using Passed = std::conditional_t<std::is_const_v<std::remove_reference_t<Reference>>, Element<Range>, Element<Range>&&>;

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;
template <class T>
inline constexpr bool kIsChannel = false;
template <class T>
inline constexpr bool kIsChannel<Chan<T>> = true;

}  // namespace internal

template <std::ranges::input_range Range, class F>
Result<void> for_each(Context& ctx, Range&& range, std::size_t limit, F&& fn) {
  using Element = internal::Element<Range>;
  TaskGroup group(ctx, {.limit = limit});
  auto begin = [&](Element&& found) {
    auto call = [&fn, element = std::tuple<Element>(std::forward<Element>(found))](Context& own) mutable {
      return std::invoke(fn, own, std::get<0>(std::move(element)));
    };
    return group.go(ctx, std::move(call));
  };
  if constexpr (internal::kIsChannel<std::remove_cvref_t<Range>>) {
    // Its iterator would follow the context of the fiber.
    for (;;) {
      SLUICE_TRY(auto received, range.recv(group.context()));
      if (!received) break;
      SLUICE_TRY(begin(*std::move(received)));
    }
  } else {
    for (auto&& found : range) SLUICE_TRY(begin(static_cast<internal::Passed<Range>>(found)));
  }
  SLUICE_TRY(group.wait());
  return ctx.check();  // if it has ended, the range or a call may have stopped early and not have said so
}

template <std::ranges::input_range Range, class Map, class Reduce, class T>
Result<T> map_reduce(Context& ctx, Range&& range, std::size_t limit, Map&& map, Reduce&& reduce, T init) {
  using Mapped = std::invoke_result_t<Map&, Context&, internal::Element<Range>>;
  Guarded<T> total(std::move(init));
  auto join = [&](auto&& mapped) {
    total.with([&](T& sum) { sum = std::invoke(reduce, std::move(sum), std::forward<decltype(mapped)>(mapped)); });
  };
  auto map_and_join = [&](Context& own, internal::Element<Range>&& element) -> Result<void> {
    if constexpr (internal::kIsResult<Mapped>) {
      SLUICE_TRY(auto mapped, std::invoke(map, own, std::forward<internal::Element<Range>>(element)));
      join(std::move(mapped));
    } else {
      join(std::invoke(map, own, std::forward<internal::Element<Range>>(element)));
    }
    return {};
  };
  SLUICE_TRY(for_each(ctx, std::forward<Range>(range), limit, map_and_join));
  return total.with([](T& sum) { return std::move(sum); });
}

}  // namespace sluice
