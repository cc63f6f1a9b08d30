// SPDX-License-Identifier: MIT
//
// Text to a Json, or straight to a struct. Two passes: simdjson's first stage checks UTF-8 and strings of the whole text and finds where tokens begin; its
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
#include <sluice/schema/internal/read_value.hpp>
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

/// A token reaches to the next one, so it may end in white space.
std::string_view trim(std::string_view token) noexcept {
  auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!token.empty() && is_space(token.back())) token.remove_suffix(1);
  return token;
}

/// null, true, false or a number.
Result<void> read_word(std::string_view token, Json& json) {
  token = trim(token);
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

/// Which fields of a struct have come so far.
class FieldsSeen {
 public:
  explicit FieldsSeen(const FieldList& fields) : fields_(fields), expected_(fields.begin()) {}

  /// Null if there is none of this name. Most senders keep the order of the description, so it is looked for there first.
  const FieldFacts* find(std::string_view name) {
    if (expected_ == fields_.end() || expected_->name != name) {
      const FieldFacts* field = fields_.find(name);
      if (field == nullptr) return nullptr;
      expected_ = fields_.begin() + (field - &*fields_.begin());
    }
    return &*expected_++;
  }
  /// False: it has come before.
  bool mark(const FieldFacts& field) {
    std::size_t index = index_of(field);
    if (index >= kInWord && others_.empty()) others_.resize(fields_.size() - kInWord);
    if (has(index)) return false;
    if (index < kInWord) {
      first_ |= std::uint64_t{1} << index;
    } else {
      others_[index - kInWord] = true;
    }
    return true;
  }
  /// The first that must come and has not; null if there is none.
  [[nodiscard]] const FieldFacts* first_missing() const {
    for (const FieldFacts& field : fields_)
      if (!internal::may_be_missing(field) && !has(index_of(field))) return &field;
    return nullptr;
  }

 private:
  static constexpr std::size_t kInWord = 64;  // few structs have more

  [[nodiscard]] std::size_t index_of(const FieldFacts& field) const noexcept {
    return static_cast<std::size_t>(&field - &*fields_.begin());
  }
  [[nodiscard]] bool has(std::size_t index) const {
    if (index < kInWord) return (first_ >> index & 1) != 0;
    return !others_.empty() && others_[index - kInWord];
  }

  const FieldList& fields_;
  std::vector<FieldFacts>::const_iterator expected_;
  std::uint64_t first_ = 0;
  std::vector<bool> others_;
};

/// Builds values from simdjson's tokens, each in its place: a value that is moved up level by level costs more than its
/// reading. Recurses at most `depth_max` deep; errors get their path on the way back.
class Reader {
 public:
  explicit Reader(const JsonLimits& limits) : limits_(limits) {}

  /// `Source` is an ondemand::value, or the ondemand::document for the outermost value, which lies at depth 0.
  template <class Source>
  Result<void> read(Source& source, std::size_t depth, Json& json) {
    SLUICE_TRY(count_value());
    ondemand::json_type type;
    if (auto error = source.type().get(type)) return refuse(error);
    switch (type) {
      case ondemand::json_type::array: return read_array(source, depth + 1, json);
      case ondemand::json_type::object: return read_object(source, depth + 1, json);
      case ondemand::json_type::string: return read_string_value(source, json);
      default: return read_word(token_of(source), json);
    }
  }

  /// Straight to a value of this shape. What is not what it should be is read as a Json first, which words the complaint; so are
  /// the rarer kinds, each a single value.
  template <class Source>
  Result<void> read_as(Source& source, std::size_t depth, const Shape& shape, const Rules& rules, void* value) {
    ondemand::json_type type;
    if (auto error = source.type().get(type)) return refuse(error);
    if (shape.kind == ShapeKind::kStruct && type == ondemand::json_type::object)
      return read_struct(source, depth + 1, shape.fields(), value);
    if (shape.kind == ShapeKind::kList && type == ondemand::json_type::array)
      return read_list(source, depth + 1, shape, rules, value);
    if (shape.kind == ShapeKind::kOptional && type != ondemand::json_type::null) {
      shape.clear(value);
      return read_as(source, depth, *shape.inner, rules, shape.grow(value));
    }
    if (shape.kind == ShapeKind::kText && type == ondemand::json_type::string)
      return read_text(source, rules, *static_cast<std::string*>(value));
    if ((shape.kind == ShapeKind::kInteger || shape.kind == ShapeKind::kDouble) && type == ondemand::json_type::number)
      return read_number(source, shape, rules, value);
    if (shape.kind == ShapeKind::kJson) return read(source, depth, *static_cast<Json*>(value));
    Json json;
    SLUICE_TRY(read(source, depth, json));
    return internal::read_value(json, shape, rules, value);
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

  template <class Source>
  Result<void> read_list(Source& source, std::size_t depth, const Shape& shape, const Rules& rules, void* list) {
    SLUICE_TRY(count_value());
    if (depth > limits_.depth_max) return too_deep();
    ondemand::array array;
    if (auto error = source.get_array().get(array)) return refuse(error);
    shape.clear(list);
    const Rules item_rules = internal::item_rules_of(rules);
    std::size_t size = 0;
    for (auto element : array) {
      ondemand::value value;
      if (auto error = element.get(value)) return refuse(error);
      SLUICE_TRY(internal::check_length(size + 1, rules, "items"));
      if (auto read_item = read_as(value, depth, *shape.inner, item_rules, shape.grow(list)); !read_item)
        return fail(error_inside(size, std::move(read_item).error()));
      ++size;
    }
    return {};
  }

  template <class Source>
  Result<void> read_struct(Source& source, std::size_t depth, const FieldList& fields, void* object) {
    SLUICE_TRY(count_value());
    if (depth > limits_.depth_max) return too_deep();
    ondemand::object members;
    if (auto error = source.get_object().get(members)) return refuse(error);
    FieldsSeen seen(fields);
    std::vector<Member> strangers;  // names without a field: they may be there, but once
    std::string name;
    for (auto element : members) {
      ondemand::field member;
      if (auto error = std::move(element).get(member)) return refuse(error);
      name.clear();
      SLUICE_TRY(read_string(member.key(), name));
      const FieldFacts* field = seen.find(name);
      if (field != nullptr && !seen.mark(*field)) return duplicate(name);
      auto read_it = field != nullptr ? read_member(member.value(), depth, *field, object)
                                      : read(member.value(), depth, strangers.emplace_back(name, Json()).value);
      if (!read_it) return fail(error_inside(name, std::move(read_it).error()));
      if (field == nullptr) strangers.back().value = Json::null();
    }
    SLUICE_TRY(settle_duplicates(strangers));
    if (const FieldFacts* missing = seen.first_missing()) {
      Error error = internal::invalid("is missing").error();
      return fail(error_inside(missing->name, std::move(error)));
    }
    return {};
  }

  template <class Source>
  Result<void> read_text(Source& source, const Rules& rules, std::string& text) {
    SLUICE_TRY(count_value());
    ondemand::raw_json_string raw;
    if (auto error = source.get_raw_json_string().get(raw)) return refuse(error);
    text.clear();
    SLUICE_TRY(read_string(raw, text));
    return internal::check_text(text, rules);
  }

  template <class Source>
  Result<void> read_number(Source& source, const Shape& shape, const Rules& rules, void* value) {
    SLUICE_TRY(count_value());
    std::string_view spelling = trim(token_of(source));
    if (!is_json_number(spelling)) return refuse(simdjson::NUMBER_ERROR);
    return internal::read_number(spelling, shape, rules, value);
  }

  Result<void> read_member(ondemand::value& value, std::size_t depth, const FieldFacts& field, void* object) {
    ondemand::json_type type;
    if (auto error = value.type().get(type)) return refuse(error);
    if (type != ondemand::json_type::null || internal::takes_null(field))
      return read_as(value, depth, *field.shape, field.rules, static_cast<std::byte*>(object) + field.offset);
    Json null;
    SLUICE_TRY(read(value, depth, null));
    return field.rules.is_optional ? Result<void>() : internal::invalid("must not be null");
  }

  Result<void> count_value() {
    if (++values_ <= limits_.values_max) return {};
    return fail(Error(Code::kInvalidArgument, "the text holds too many values").because("too-large"));
  }

  static std::unexpected<Error> duplicate(std::string_view name) {
    Error error(Code::kInvalidArgument, "two members of an object have the same name");
    return fail(error_inside(name, std::move(error).because("duplicate-key")));
  }

  Result<void> settle_duplicates(std::vector<Member>& members) const {
    Twins twins = members.size() <= kPairwiseMax ? find_twins_pairwise(members) : find_twins_by_sorting(members);
    if (twins.empty()) return {};
    if (limits_.duplicate_keys == DuplicateKeys::kRefuse) return duplicate(members[twins.front().first].name);
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

/// Opens the text and hands its document to `read_it`, which reads all of it; then sees that nothing follows.
template <class ReadIt>
Result<void> read_document(std::string_view text, const JsonLimits& limits, ReadIt read_it) {
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
  bool is_scalar = true;
  if (auto error = document.is_scalar().get(is_scalar)) return refuse(error);
  SLUICE_TRY(read_it(document));
  // A scalar was looked at above; behind an array or object there must be no token.
  if (!is_scalar && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return refuse(simdjson::TRAILING_CONTENT);
  return {};
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  Json json;
  SLUICE_TRY(read_document(text, limits, [&](ondemand::document& document) {
    return Reader(limits).read(document, 0, json);
  }));
  return json;
}

Result<void> internal::parse_value(std::string_view text, const JsonLimits& limits, const Shape& shape, void* value) {
  return read_document(text, limits, [&](ondemand::document& document) {
    return Reader(limits).read_as(document, 0, shape, Rules(), value);
  });
}

}  // namespace sluice::schema
