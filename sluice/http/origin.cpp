// SPDX-License-Identifier: MIT
#include <sluice/http/origin.hpp>

#include <string>
#include <utility>

#include <sluice/http/headers.hpp>

namespace sluice::http {

namespace {

// What comes behind the scheme; nothing if it is another one.
std::string_view behind(std::string_view scheme, std::string_view url) noexcept {
  bool has_it = equal_ignoring_case(url.substr(0, scheme.size()), scheme);
  return has_it ? url.substr(scheme.size()) : std::string_view();
}

}  // namespace

Result<Origin> parse_origin(std::string_view url, std::string_view field) {
  std::string_view authority = behind("https://", url);
  const bool is_secure = !authority.empty();
  if (!is_secure) authority = behind("http://", url);
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.empty() || authority.find_first_of("/@?#") != authority.npos) {
    return fail(Error(Code::kInvalidArgument, "wanted http://host:port or https://host:port")
                    .because("bad-url").at(std::string(field)));
  }
  bool has_port = authority.rfind(':') != authority.npos && !authority.ends_with(']');
  std::string place(authority);
  if (!has_port) place += is_secure ? ":443" : ":80";
  SLUICE_TRY(auto server, net::parse_host_port(place, field));
  return Origin{is_secure, std::move(server)};
}

}  // namespace sluice::http
