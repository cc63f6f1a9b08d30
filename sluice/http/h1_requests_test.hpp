// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sluice/http/http_test.hpp>

namespace sluice::http {

// What the tests of a connection have in common: two handlers, and requests.

inline constexpr std::size_t kBodyMax = 1 << 20;

/// Answers with the request's target, without touching its body.
inline Response tell_target(Context&, const Request& request) { return Response::text(std::string(request.target())); }

/// Answers with the request's body, or says why there is none.
inline Response echo(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kBodyMax); !read) return to_response(std::move(read).error());
  return Response::text(std::string(request.body()));
}

inline std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}

inline std::string post(std::string_view body, std::string_view more = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

inline std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all.append(text);
  return all;
}

}  // namespace sluice::http
