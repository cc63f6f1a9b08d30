// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/max_body.hpp>

#include <utility>

namespace sluice::http::middleware {
namespace {

Response refuse(Error why, std::size_t limit) {
  Problem problem = problem_of(why);
  if (problem.status == status::kContentTooLarge) problem.limit = limit;
  Response response = to_response(problem);
  response.cause = std::move(why);
  return response;
}

}  // namespace

Middleware max_body(std::size_t limit) {
  return [limit](Handler next) -> Handler {
    return [limit, next = std::move(next)](Context& ctx, Request& request) -> Response {
      auto read = request.read_body(ctx, limit);
      if (!read) return refuse(std::move(read).error(), limit);
      return next(ctx, request);
    };
  };
}

}  // namespace sluice::http::middleware
