// SPDX-License-Identifier: MIT
#include <sluice/http/request.hpp>

#include <algorithm>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/exchange.hpp>
#include <sluice/http/internal/h1_lines.hpp>
#include <sluice/http/percent_encoding.hpp>

namespace sluice::http {
namespace {

// A connection keeps its buffers for the next request, but not those of an unusually large one: no more than the budget
// of all bodies leaves uncounted.
constexpr std::size_t kKeptBodyBytes = BodyShare::kUncountedBytes;

// Where the path begins: at once, or after "http://host" in absolute form; npos: there is none ("*", "http://host").
std::size_t find_path(std::string_view target) {
  if (target.starts_with('/')) return 0;
  std::size_t authority = target.find("://");
  return authority == target.npos ? target.npos : target.find_first_of("/?", authority + 3);
}

bool is_one_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

Request::Request(std::string_view method, std::string_view target, std::string body) : body_(std::move(body)) {
  SLUICE_ASSERT(internal::is_token(method), "a method is a token");
  SLUICE_ASSERT(!target.empty() && is_one_word(target), "a target is percent-encoded, or it could forge a request");
  set_start_line(method, target, Version::kHttp11);
}

void Request::set_start_line(std::string_view method, std::string_view target, Version version) {
  method_ = method;
  target_ = target;
  version_ = version;
  path_at_ = std::min(find_path(target), target.size());
  path_size_ = std::min(target.find('?', path_at_), target.size()) - path_at_;
}

std::string_view Request::path() const noexcept {
  return path_size_ == 0 ? std::string_view("/") : std::string_view(target_).substr(path_at_, path_size_);
}

std::string_view Request::query() const noexcept {
  std::size_t mark = path_at_ + path_size_;
  return mark < target_.size() ? std::string_view(target_).substr(mark + 1) : std::string_view();
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  for (std::string_view rest = query(); !rest.empty();) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    std::size_t sign = std::min(pair.find('='), pair.size());
    if (form_decode(pair.substr(0, sign)) == name) return form_decode(pair.substr(std::min(sign + 1, pair.size())));
  }
  return std::nullopt;
}

Result<void> Request::read_body(Context& ctx, std::size_t limit) {
  if (body_is_pending_) {
    if (body_is_sealed_) return fail(Code::kInternal, "a body is read before the request is handed to another fiber");
    if (auto read = exchange_->read_body(ctx, limit, body_); !read) {
      body_.clear();
      return read;
    }
    body_is_pending_ = false;
  }
  if (body_.size() > limit) return fail(Error(Code::kInvalidArgument).because("too-large"));
  return {};
}

std::string_view Request::variable(std::string_view name) const noexcept {
  if (route_ == nullptr) return {};
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (route_->variable_names[i] == name) return variables_[i];
  }
  return {};
}

void Request::clear() {
  method_.clear();
  target_.clear();
  path_at_ = path_size_ = 0;
  body_is_pending_ = body_is_sealed_ = false;
  headers_.clear();
  reply_headers_.clear();
  if (body_.capacity() > kKeptBodyBytes) std::string().swap(body_);  // an assignment would keep the memory
  body_.clear();
  trailers_.clear();
  route_ = nullptr;
  variables_.clear();
  exchange_ = nullptr;
  peer_ = {};
  arrived_ = begun_ = {};
}

std::size_t Request::kept_bytes() const noexcept {
  return target_.capacity() + headers_.text_capacity() + reply_headers_.text_capacity();
}

void Request::set_route(const Route& route, std::span<const std::string_view> values) {
  SLUICE_ASSERT(values.size() == route.variable_names.size(), "a value for each variable");
  route_ = &route;
  variables_.assign(values.begin(), values.end());
}

void Request::set_exchange(Exchange& exchange, const net::Address& peer, bool body_is_pending) noexcept {
  exchange_ = &exchange;
  peer_ = peer;
  body_is_pending_ = body_is_pending;
}

}  // namespace sluice::http
