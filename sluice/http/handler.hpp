// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/problem.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/schema/json.hpp>

namespace sluice::http {

/// 200 and the struct as JSON.
template <class T>
[[nodiscard]] Response json(const T& value, int status = status::kOk) {
  return Response::json_text(schema::to_json(value), status);
}

namespace internal {

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

/// What a handler may return, as a response.
template <class T>
Response reply(T&& value) {
  using Value = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Value, Response>) {
    return std::forward<T>(value);
  } else if constexpr (std::same_as<Value, Error> || std::same_as<Value, Problem>) {
    return to_response(std::forward<T>(value));
  } else if constexpr (kIsResult<Value>) {
    if (!value) return to_response(std::forward<T>(value).error());
    if constexpr (std::is_void_v<typename Value::value_type>) {
      return Response::empty();
    } else {
      return reply(*std::forward<T>(value));
    }
  } else {
    return json(value);
  }
}

}  // namespace internal

/// Answers requests. Made from any function of (Context&, Request&), or (Context&, const Request&), that returns
///   - a Response;
///   - a struct with SLUICE_FIELDS, which becomes 200 and JSON;
///   - a Problem or an Error, which becomes its answer by problem.hpp;
///   - nothing, which becomes 200 without a body;
///   - a Result of one of these.
/// So errors become responses in one place, and middlewares see responses only.
/// Threads: called by many fibers at once, as a const function.
class Handler {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Handler> && std::invocable<const std::decay_t<F>&, Context&, Request&>)
  Handler(F&& function)  // implicit: a lambda is a handler
      : call_([fn = std::forward<F>(function)](Context& ctx, Request& request) -> Response {
          using Answer = std::invoke_result_t<const std::decay_t<F>&, Context&, Request&>;
          if constexpr (std::is_void_v<Answer>) {
            fn(ctx, request);
            return Response::empty();
          } else if constexpr (std::is_same_v<Answer, Response>) {
            return fn(ctx, request);  // made where it is wanted: a chain would move it a dozen times
          } else {
            return internal::reply(fn(ctx, request));
          }
        }) {}

  Response operator()(Context& ctx, Request& request) const { return call_(ctx, request); }

 private:
  std::function<Response(Context&, Request&)> call_;
};

/// Wraps a handler: does something before and after it, or in its place.
using Middleware = std::function<Handler(Handler next)>;

/// Middlewares, outermost first: {a, b} around h is a(b(h)).
using Chain = std::vector<Middleware>;
[[nodiscard]] Handler wrap(const Chain& chain, Handler handler);
/// A chain as one middleware.
[[nodiscard]] Middleware combine(Chain chain);

}  // namespace sluice::http
