// SPDX-License-Identifier: MIT
//
// Two passes. simdjson's first stage checks UTF-8 and strings of the whole text and finds where tokens begin; its
// on-demand iterator then checks the punctuation while we walk. Left to us, because on-demand looks only at what one
// asks for: the grammar of literals and numbers, escapes, what follows the document, depth, duplicate names.
//
// Rejected: simdjson's DOM, which turns numbers into doubles and loses their spelling; its own unescaping, which (3.0)
// takes half a surrogate pair and makes a wrong character of it; a parser kept per thread, since fibers change threads.
#include <sluice/schema/json_reader.hpp>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include <sluice/base/assert.hpp>

#include <sluice/schema/internal/json_unescape.hpp>
#include <sluice/schema/json_pointer.hpp>

namespace sluice::schema {
namespace {

namespace ondemand = simdjson::ondemand;

/// Objects up to this size find duplicates by comparing all pairs: no allocation, and names mostly differ in length.
constexpr std::size_t kPairwiseMax = 16;

/// What simdjson says, in our words. It knows a dozen ways of being wrong; a sender needs to know two.
std::unexpected<Error> refuse(simdjson::error_code code) {
  if (code == simdjson::UTF8_ERROR)
    return fail(Error(Code::kInvalidArgument, "the text is not UTF-8").because("invalid-utf8"));
  if (code == simdjson::MEMALLOC) return fail(Code::kResourceExhausted, "no memory to read JSON with");
  return fail(Error(Code::kInvalidArgument, "the text is not JSON").because("malformed-json"));
}

Result<void> read_string(ondemand::raw_json_string raw, std::string& text) {
  switch (internal::unescape_json_string(raw.raw(), text)) {
    case internal::Unescape::kOk: return {};
    case internal::Unescape::kNoSuchEscape: return refuse(simdjson::STRING_ERROR);
    case internal::Unescape::kHalfSurrogate: break;
  }
  return fail(Error(Code::kInvalidArgument, "an escape names half of a surrogate pair").because("invalid-utf8"));
}

/// null, true, false or a number. The token reaches to the next one, so it may end in white space.
Result<void> read_word(std::string_view token, Json& json) {
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  if (token == "null") {
    json = Json::null();
  } else if (token == "true" || token == "false") {
    json = Json::boolean(token == "true");
  } else if (is_json_number(token)) {
    json = Json::number(token);
  } else {
    return refuse(simdjson::NUMBER_ERROR);
  }
  return {};
}

/// For each member whose name an earlier one has: the pair (later, earlier), in the order of the later ones.
using Twins = std::vector<std::pair<std::size_t, std::size_t>>;

Twins find_twins_pairwise(const std::vector<Member>& members) {
  Twins twins;
  for (std::size_t later = 1; later < members.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (members[earlier].name != members[later].name) continue;
      twins.emplace_back(later, earlier);
      break;
    }
  }
  return twins;
}

/// Sorting takes n log n whatever the names are; a hash table would not against one who chooses them.
Twins find_twins_by_sorting(const std::vector<Member>& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(std::string_view(members[i].name), i); });
  Twins twins;
  std::size_t first = 0;  // of the names equal to order[i]
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (members[order[first]].name == members[order[i]].name) {
      twins.emplace_back(order[i], order[first]);
    } else {
      first = i;
    }
  }
  std::ranges::sort(twins);
  return twins;
}

/// Keeps the last value of each name, where the name came first.
void let_the_last_win(std::vector<Member>& members, const Twins& twins) {
  for (auto [later, earlier] : twins) members[earlier].value = std::move(members[later].value);
  std::size_t kept = 0, next_twin = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (next_twin < twins.size() && twins[next_twin].first == i) {
      ++next_twin;
    } else if (kept++ != i) {
      members[kept - 1] = std::move(members[i]);
    }
  }
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(kept), members.end());
}

/// Builds values from simdjson's tokens, each in its place: a value that is moved up level by level costs more than its
/// reading. Recurses at most `depth_max` deep; errors get their path on the way back.
class Reader {
 public:
  explicit Reader(const JsonLimits& limits) : limits_(limits) {}

  /// `Source` is an ondemand::value, or the ondemand::document for the outermost value, which lies at depth 0.
  template <class Source>
  Result<void> read(Source& source, std::size_t depth, Json& json) {
    if (++values_ > limits_.values_max)
      return fail(Error(Code::kInvalidArgument, "the text holds too many values").because("too-large"));
    ondemand::json_type type;
    if (auto error = source.type().get(type)) return refuse(error);
    switch (type) {
      case ondemand::json_type::array: return read_array(source, depth + 1, json);
      case ondemand::json_type::object: return read_object(source, depth + 1, json);
      case ondemand::json_type::string: return read_string_value(source, json);
      default: return read_word(token_of(source), json);
    }
  }

 private:
  static std::string_view token_of(ondemand::value& value) { return value.raw_json_token(); }
  static std::string_view token_of(ondemand::document& document) {
    std::string_view token;
    return document.raw_json_token().get(token) ? std::string_view() : token;
  }

  template <class Source>
  static Result<void> read_string_value(Source& source, Json& json) {
    ondemand::raw_json_string raw;
    if (auto error = source.get_raw_json_string().get(raw)) return refuse(error);
    std::string text;
    SLUICE_TRY(read_string(raw, text));
    json = Json::string(std::move(text));
    return {};
  }

  template <class Source>
  Result<void> read_array(Source& source, std::size_t depth, Json& json) {
    if (depth > limits_.depth_max) return too_deep();
    ondemand::array array;
    if (auto error = source.get_array().get(array)) return refuse(error);
    std::vector<Json> items;
    for (auto element : array) {
      ondemand::value value;
      if (auto error = element.get(value)) return refuse(error);
      if (auto read_item = read(value, depth, items.emplace_back()); !read_item)
        return fail(error_inside(items.size() - 1, std::move(read_item).error()));
    }
    json = Json::array(std::move(items));
    return {};
  }

  template <class Source>
  Result<void> read_object(Source& source, std::size_t depth, Json& json) {
    if (depth > limits_.depth_max) return too_deep();
    ondemand::object object;
    if (auto error = source.get_object().get(object)) return refuse(error);
    std::vector<Member> members;  // without room in advance: whoever sends a million {"":1} chooses how much that were
    for (auto element : object) {
      ondemand::field field;
      if (auto error = std::move(element).get(field)) return refuse(error);
      Member& member = members.emplace_back();
      SLUICE_TRY(read_string(field.key(), member.name));
      if (auto read_value = read(field.value(), depth, member.value); !read_value)
        return fail(error_inside(member.name, std::move(read_value).error()));
    }
    SLUICE_TRY(settle_duplicates(members));
    json = Json::object(std::move(members));
    return {};
  }

  Result<void> settle_duplicates(std::vector<Member>& members) const {
    Twins twins = members.size() <= kPairwiseMax ? find_twins_pairwise(members) : find_twins_by_sorting(members);
    if (twins.empty()) return {};
    if (limits_.duplicate_keys == DuplicateKeys::kRefuse) {
      Error error(Code::kInvalidArgument, "two members of an object have the same name");
      return fail(error_inside(members[twins.front().first].name, std::move(error).because("duplicate-key")));
    }
    let_the_last_win(members, twins);
    return {};
  }

  std::unexpected<Error> too_deep() const {
    std::string detail = "arrays and objects nest more than " + std::to_string(limits_.depth_max) + " deep";
    return fail(Error(Code::kInvalidArgument, std::move(detail)).because("too-deep"));
  }

  const JsonLimits& limits_;
  std::size_t values_ = 0;  // begun so far
};

bool is_scalar_with_more_behind(ondemand::document& document, const simdjson::padded_string& text) {
  std::string_view token;
  if (document.raw_json_token().get(token)) return true;
  if (token.starts_with('[') || token.starts_with('{')) return false;
  return token.data() + token.size() != text.data() + text.size();  // a token reaches to the next one, or to the end
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  SLUICE_ASSERT(limits.depth_max <= kJsonDepthCeiling, "the stack holds kJsonDepthCeiling levels");
  if (text.size() > limits.bytes_max)
    return fail(Error(Code::kInvalidArgument, "the text is too long").because("too-large"));
  if (text.empty()) return refuse(simdjson::EMPTY);

  simdjson::padded_string padded(text);
  ondemand::parser parser;
  // One level more for scalars in the deepest array, one for the document.
  if (auto error = parser.allocate(text.size(), limits.depth_max + 2)) return refuse(error);
  ondemand::document document;
  if (auto error = parser.iterate(padded).get(document)) return refuse(error);

  if (is_scalar_with_more_behind(document, padded)) return refuse(simdjson::TRAILING_CONTENT);
  Json json;
  SLUICE_TRY(Reader(limits).read(document, 0, json));
  // A scalar was looked at above; behind an array or object there must be no token.
  if ((json.is_array() || json.is_object()) && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return refuse(simdjson::TRAILING_CONTENT);
  return json;
}

}  // namespace sluice::schema
