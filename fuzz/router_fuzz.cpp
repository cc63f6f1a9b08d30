// SPDX-License-Identifier: MIT
//
// Routes and paths. The input's lines are routes, "GET /a/:b", and behind an empty line one request in the same form. Which
// route answers, with which values, or which refusal: the router says the same as a list of routes that is gone through from
// its beginning.
#include <fuzz/target.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include <sluice/http/percent_encoding.hpp>
#include <sluice/http/router.hpp>

namespace {

using namespace sluice;
using namespace sluice::http;

constexpr std::size_t kInputMax = 1 << 11;
constexpr std::size_t kRoutesMax = 32;
constexpr std::size_t kSegmentsMax = 64;  // the router's own

struct Line {
  std::string_view method;
  std::string_view path;
};

bool is_method(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// What is no method is GET: whoever adds a route writes it down, and the codec lets no other in.
Line split_line(std::string_view line) {
  std::size_t blank = std::min(line.find(' '), line.size());
  std::string_view method = line.substr(0, blank);
  return {is_method(method) ? method : "GET", line.substr(std::min(blank + 1, line.size()))};
}

std::string_view take_line(std::string_view& text) {
  std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool is_target(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

// ---- the model: a list of routes ----

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments(1);
  for (char c : path) {
    if (c == '/') {
      segments.emplace_back();
    } else {
      segments.back().push_back(c);
    }
  }
  return segments;
}

// Nothing: an escape is malformed, or it is deeper than any route. (Both are no route; which of them it is says the status.)
std::optional<std::vector<std::string>> clean_path(std::string_view path) {
  std::vector<std::string> clean;
  for (const std::string& segment : split_path(path)) {
    auto plain = percent_decode(segment);
    if (!plain) return std::nullopt;
    if (plain->empty() || *plain == ".") continue;
    if (*plain != "..") {
      clean.push_back(*plain);
      if (clean.size() > kSegmentsMax) return std::nullopt;
    } else if (!clean.empty()) {
      clean.pop_back();
    }
  }
  return clean;
}

struct Route {
  std::string method;
  std::string pattern;
  std::vector<std::string> segments;  // without empty ones
};

// Where a route matches: for each segment whether it is a static one, which goes before a variable from left to right.
std::optional<std::vector<bool>> match(const Route& route, const std::vector<std::string>& path) {
  if (route.segments.size() != path.size()) return std::nullopt;
  std::vector<bool> is_static;
  for (std::size_t i = 0; i < path.size(); ++i) {
    is_static.push_back(!route.segments[i].starts_with(':'));
    if (is_static.back() && route.segments[i] != path[i]) return std::nullopt;
  }
  return is_static;
}

const Route* best(const std::vector<Route>& routes, std::string_view method, const std::vector<std::string>& path) {
  const Route* found = nullptr;
  std::vector<bool> rank;
  for (const Route& route : routes) {
    auto matched = route.method == method ? match(route, path) : std::nullopt;
    if (!matched || (found != nullptr && *matched <= rank)) continue;
    found = &route;
    rank = *matched;
  }
  return found;
}

std::string allowed(const std::vector<Route>& routes, const std::vector<std::string>& path) {
  std::set<std::string> methods;
  for (const Route& route : routes) {
    if (!match(route, path)) continue;
    methods.insert(route.method);
    if (route.method == "GET") methods.insert("HEAD");
  }
  std::string list;
  for (const std::string& method : methods) list.append(list.empty() ? "" : ", ").append(method);
  return list;
}

std::string expected(const std::vector<Route>& routes, std::string_view method, std::string_view path) {
  auto clean = clean_path(path);
  if (!clean) return "refused";
  const Route* route = best(routes, method, *clean);
  if (route == nullptr && method == "HEAD") route = best(routes, "GET", *clean);
  if (route == nullptr) return "refused " + allowed(routes, *clean);
  std::string text = route->pattern;
  for (std::size_t i = 0; i < clean->size(); ++i) {
    if (route->segments[i].starts_with(':')) text.append(" ").append((*clean)[i]);
  }
  return text;
}

// ---- the router ----

Route route_of(const Line& line) {
  Route route{std::string(line.method), std::string(line.path), split_path(line.path)};
  std::erase(route.segments, "");
  return route;
}

Handler tell_values(const Route& route) {
  return [route](Context&, const Request& request) {
    std::string text(request.pattern());
    for (const std::string& segment : route.segments) {
      if (!segment.starts_with(':')) continue;
      std::string_view value = request.variable(segment.substr(1));
      fuzz::require(!value.empty(), "a variable is never empty");
      text.append(" ").append(value);
    }
    return Response::text(std::move(text));
  };
}

std::string answered(const Router& router, std::string_view method, std::string_view target) {
  Context ctx;
  Request request(method, target);
  Response response = router(ctx, request);
  if (response.status == status::kOk) return response.body;
  fuzz::require(response.status == status::kBadRequest || response.status == status::kNotFound ||
                    response.status == status::kMethodNotAllowed, "a router refuses by 400, 404 or 405");
  auto allow = response.headers.find("allow");
  fuzz::require(allow.has_value() == (response.status == status::kMethodNotAllowed), "Allow comes with 405");
  if (response.status == status::kBadRequest) return "refused";
  return allow ? "refused " + std::string(*allow) : "refused ";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::as_input(data, std::min(size, kInputMax));
  Router router;
  std::vector<Route> routes;
  while (routes.size() < kRoutesMax && !text.empty()) {
    std::string_view written = take_line(text);
    if (written.empty()) break;
    Route route = route_of(split_line(written));
    auto added = router.add(route.method, route.pattern, tell_values(route));
    if (added) {
      fuzz::require(route.pattern.starts_with('/') && route.segments.size() <= kSegmentsMax, "a bad pattern is refused");
      routes.push_back(std::move(route));
    } else {
      fuzz::require(added.error().reason() == "bad-pattern" || added.error().reason() == "duplicate-route",
                    "a route is refused for a known reason");
    }
  }
  Line line = split_line(take_line(text));
  if (!is_target(line.path)) return 0;
  std::string path(Request(line.method, line.path).path());
  std::string model = expected(routes, line.method, path), ours = answered(router, line.method, line.path);
  bool is_deep_or_malformed = model == "refused" && ours.starts_with("refused");
  fuzz::require(is_deep_or_malformed || ours == model, "the router answers as a list of routes does", ours + "\n" + model);
  return 0;
}
