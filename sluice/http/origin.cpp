// SPDX-License-Identifier: MIT
#include <sluice/http/origin.hpp>

#include <string>

#include <sluice/http/headers.hpp>

namespace sluice::http {

Result<net::HostPort> parse_origin(std::string_view url, std::string_view field) {
  constexpr std::string_view kScheme = "http://";
  std::string_view authority = url.substr(0, kScheme.size());
  bool is_http = equal_ignoring_case(authority, kScheme);
  if (is_http) authority = url.substr(kScheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (!is_http || authority.empty() || authority.find_first_of("/@?#") != authority.npos) {
    return fail(Error(Code::kInvalidArgument, "wanted http://host:port").because("bad-url").at(std::string(field)));
  }
  bool has_port = authority.rfind(':') != authority.npos && !authority.ends_with(']');
  return net::parse_host_port(has_port ? std::string(authority) : std::string(authority) + ":80", field);
}

}  // namespace sluice::http
