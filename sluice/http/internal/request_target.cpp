// SPDX-License-Identifier: MIT
#include <sluice/http/internal/request_target.hpp>

#include <algorithm>
#include <cstddef>

#include <sluice/http/headers.hpp>
#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http::internal {
namespace {

constexpr std::size_t kMethodBytesMax = 32;

// What no URI holds and some parser could take for something else; what browsers leave unescaped in a query may pass.
bool is_target_byte(char c) noexcept { return c > ' ' && c < 0x7F && c != '"' && c != '#' && c != '<' && c != '>'; }

}  // namespace

bool is_method(std::string_view text) noexcept { return text.size() <= kMethodBytesMax && is_token(text); }

bool is_target(std::string_view target, std::string_view method) noexcept {
  if (!std::all_of(target.begin(), target.end(), is_target_byte)) return false;
  if (target.starts_with('/')) return true;
  if (target == "*") return method == "OPTIONS";
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    std::string_view authority = target.substr(scheme.size());
    authority = authority.substr(0, std::min(authority.find_first_of("/?"), authority.size()));
    return !authority.empty() && !authority.contains('@');
  }
  return false;
}

bool is_host(std::string_view host) noexcept { return host.find_first_of(" \t,/?#@\\\"<>") == host.npos; }

}  // namespace sluice::http::internal
