// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/cors.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::http::middleware {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PATCH, PUT, DELETE";
constexpr std::string_view kHeaders = "Content-Type, Origin, X-CSRF-Token, Authorization, AccessToken, Token, Range";
constexpr std::string_view kExposed = "Content-Length, Access-Control-Allow-Origin, Access-Control-Allow-Headers";
constexpr std::string_view kMaxAge = "86400";  // seconds: a day

bool ends_with_ignoring_case(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

class Cors {
 public:
  explicit Cors(CorsOptions options) : origins_(std::move(options.origins)), headers_(kHeaders) {
    bool has_empty_one = std::any_of(origins_.begin(), origins_.end(), [](const std::string& entry) { return entry.empty(); });
    SLUICE_ASSERT(!has_empty_one, "an empty entry would allow all that end with a dot");
    for (const std::string& header : options.headers) headers_.append(", ").append(header);
  }

  Response serve(Context& ctx, Request& request, const Handler& next) const {
    bool is_preflight = request.method() == "OPTIONS";
    Response response = is_preflight ? Response::empty(status::kNoContent) : next(ctx, request);
    // Also where no origin is allowed: a cache must not hand one origin's answer to another.
    response.headers.add("Vary", "Origin");
    if (is_preflight) {
      response.headers.add("Vary", "Access-Control-Request-Method");
      response.headers.add("Vary", "Access-Control-Request-Headers");
    }
    allow(request.headers().find("origin"), response.headers);
    return response;
  }

 private:
  void allow(std::optional<std::string_view> origin, Headers& headers) const {
    if (origins_.empty()) {
      headers.set("Access-Control-Allow-Origin", "*");
    } else if (origin && is_allowed(*origin)) {
      headers.set("Access-Control-Allow-Origin", *origin);
      headers.set("Access-Control-Allow-Credentials", "true");
    } else {
      return;
    }
    headers.set("Access-Control-Allow-Methods", kMethods);
    headers.set("Access-Control-Allow-Headers", headers_);
    headers.set("Access-Control-Expose-Headers", kExposed);
    headers.set("Access-Control-Max-Age", kMaxAge);
  }

  [[nodiscard]] bool is_allowed(std::string_view origin) const noexcept {
    return std::any_of(origins_.begin(), origins_.end(), [origin](const std::string& entry) {
      return entry == "*" || equal_ignoring_case(entry, origin) || ends_with_ignoring_case(origin, "." + entry);
    });
  }

  const std::vector<std::string> origins_;
  std::string headers_;
};

}  // namespace

Middleware cors(CorsOptions options) {
  // shared_ptr: a handler may be copied.
  auto rules = std::make_shared<const Cors>(std::move(options));
  return [rules](Handler next) -> Handler {
    return [rules, next = std::move(next)](Context& ctx, Request& request) { return rules->serve(ctx, request, next); };
  };
}

}  // namespace sluice::http::middleware
