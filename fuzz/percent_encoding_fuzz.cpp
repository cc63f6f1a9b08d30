// SPDX-License-Identifier: MIT
//
// Percent-encoding, forms and targets. Decoding undoes encoding; nothing grows by being decoded; and a query's first value
// of a name is found as a reader finds it who splits the query into a list.
#include <fuzz/target.hpp>

#include <algorithm>
#include <optional>

#include <sluice/http/percent_encoding.hpp>
#include <sluice/http/request.hpp>

namespace {

using namespace sluice;
using namespace sluice::http;

void check_round_trip(std::string_view bytes) {
  std::string encoded = percent_encode(bytes);
  fuzz::require(encoded.find_first_of("/?#&=+ \r\n") == encoded.npos, "nothing that ends a segment or a value is left");
  fuzz::require(encoded.size() <= 3 * bytes.size(), "an escape has three characters");
  bool has_nul = bytes.contains('\0');
  std::optional<std::string> expected = has_nul ? std::nullopt : std::optional<std::string>(bytes);
  fuzz::require(percent_decode(encoded) == expected, "decoding undoes encoding", encoded);
  fuzz::require(form_decode(encoded) == expected, "decoding a form undoes encoding", encoded);
}

void check_decoding(std::string_view text) {
  auto bytes = percent_decode(text);
  if (!bytes) return;
  fuzz::require(bytes->size() <= text.size(), "nothing grows by being decoded");
  fuzz::require(std::count(bytes->begin(), bytes->end(), '\0') == std::count(text.begin(), text.end(), '\0'),
                "no escape stands for NUL");
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  fuzz::require(form_decode(text) == percent_decode(blanks), "a form differs in its pluses only");
}

// The slow way, to compare with.
std::optional<std::string> first_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    std::size_t sign = pair.find('=');
    auto found = form_decode(pair.substr(0, sign));
    if (found && *found == name) return form_decode(sign == pair.npos ? std::string_view() : pair.substr(sign + 1));
  }
  return std::nullopt;
}

void check_target(std::string_view target) {
  Request request;
  request.set_start_line("GET", target, Version::kHttp11);
  std::string_view path = request.path(), query = request.query();
  fuzz::require(!path.empty() && !path.contains('?'), "there always is a path, and it ends where the query begins");
  fuzz::require(target.ends_with(query), "the query is the end of the target");
  std::string_view longer = query.substr(0, query.find('='));
  for (std::string_view name : {std::string_view("a"), std::string_view(""), longer, longer.substr(0, longer.find('&'))}) {
    fuzz::require(request.query_value(name) == first_value(query, name), "a query's first value of a name is found", name);
  }
}

// Any bytes go through a query unchanged, as a name and as a value.
void check_query(std::string_view bytes) {
  if (bytes.contains('\0')) return;
  std::size_t half = bytes.size() / 2;
  std::string_view name = bytes.substr(0, half), value = bytes.substr(half);
  Request request("GET", "/p?" + percent_encode(name) + "=" + percent_encode(value));
  fuzz::require(request.path() == "/p", "a query does not change its path");
  fuzz::require(request.query_value(name) == value, "what goes into a query comes out of it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::as_input(data, size);
  check_round_trip(bytes);
  check_decoding(bytes);
  check_target(bytes);
  check_target("/?" + std::string(bytes));
  check_query(bytes);
  return 0;
}
