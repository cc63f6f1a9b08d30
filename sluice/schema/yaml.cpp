// SPDX-License-Identifier: MIT
//
// yaml-cpp's parser calls a handler with events; the handler builds a Json. Its node tree is not used: it resolves
// aliases, forgets which scalars were quoted, and lets the last of two equal keys win.
//
// yaml-cpp reports mistakes by throwing, and a handler can stop it in no other way: so this file throws, inside the one
// call that catches everything again.
#include <sluice/schema/yaml.hpp>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sluice/schema/internal/nearest_word.hpp>
#include <sluice/schema/json_pointer.hpp>

namespace sluice::schema {
namespace {

/// Unknown keys that are told of; whoever has more has the wrong file.
constexpr std::size_t kWarningsMax = 20;

Error error_at(const YAML::Mark& mark, std::string_view what, const char* reason) {
  std::string detail;
  if (!mark.is_null())  // yaml-cpp does not always know
    detail = "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) + ": ";
  return Error(Code::kInvalidArgument, detail.append(what)).because(reason);
}

/// Carries an Error through yaml-cpp.
struct Stop {
  Error error;
};

[[noreturn]] void stop(const YAML::Mark& mark, std::string_view what, const char* reason = "malformed-yaml") {
  throw Stop{error_at(mark, what, reason)};
}

Json json_of_plain(const std::string& scalar) {
  if (scalar == "true" || scalar == "True" || scalar == "TRUE") return Json::boolean(true);
  if (scalar == "false" || scalar == "False" || scalar == "FALSE") return Json::boolean(false);
  if (is_json_number(scalar)) return Json::number(std::string_view(scalar));
  return Json::string(scalar);
}

/// Builds the value bottom up: `open_` are the mappings and sequences that contain the next event, outermost first.
class Builder final : public YAML::EventHandler {
 public:
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(has_document_, true)) stop(mark, "a second document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) stop(mark, "a key is missing");
    add(Json::null());
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { stop(mark, "aliases are not supported"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    // yaml-cpp: "?" is a plain scalar without a tag, "!" a quoted or block scalar.
    if (tag != "?" && tag != "!") stop(mark, "tags are not supported");
    // The text was UTF-8, but yaml-cpp makes single bytes of the escapes \N and \_.
    if (!simdjson::validate_utf8(value)) stop(mark, "an escape names what UTF-8 cannot hold", "invalid-utf8");
    if (expects_key()) return begin_member(mark, value);
    add(tag == "?" ? json_of_plain(value) : Json::string(value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, Json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Container {
    Json json;
    std::vector<std::pair<std::string, YAML::Mark>> names = {};  // of a mapping, so far
    bool has_key = false;
    std::string key = {};  // whose value comes next, if has_key
  };

  bool expects_key() const { return !open_.empty() && open_.back().json.is_object() && !open_.back().has_key; }

  void begin_member(const YAML::Mark& mark, const std::string& name) {
    open_.back().names.emplace_back(name, mark);
    open_.back().key = name;
    open_.back().has_key = true;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Json empty) {
    if (tag != "?" && tag != "") stop(mark, "tags are not supported");
    if (expects_key()) stop(mark, "a key is no scalar");
    if (open_.size() == kYamlDepthMax) stop(mark, "mappings and sequences nest too deep", "too-deep");
    open_.push_back({.json = std::move(empty)});
  }

  void close() {
    Container closed = std::move(open_.back());
    check_names(closed.names);
    open_.pop_back();
    add(std::move(closed.json));
  }

  void add(Json json) {
    if (open_.empty()) {
      root_ = std::move(json);
    } else if (Container& container = open_.back(); container.json.is_array()) {
      container.json.push(std::move(json));
    } else {
      container.json.add(std::move(container.key), std::move(json));
      container.has_key = false;
    }
  }

  /// Once a mapping is complete, by sorting: it may be large.
  void check_names(std::vector<std::pair<std::string, YAML::Mark>>& names) {
    auto by_name_then_place = [](const auto& name) { return std::pair(std::string_view(name.first), name.second.pos); };
    std::ranges::sort(names, {}, by_name_then_place);
    auto twin = std::ranges::adjacent_find(names, {}, [](const auto& name) { return std::string_view(name.first); });
    if (twin == names.end()) return;
    Error error = error_at((twin + 1)->second, "this key is there already", "duplicate-key");
    error = error_inside(twin->first, std::move(error));
    // The containers around the mapping: their keys, or their next index.
    for (auto around = open_.rbegin() + 1; around != open_.rend(); ++around)
      error = around->json.is_array() ? error_inside(around->json.items().size(), std::move(error))
                                      : error_inside(around->key, std::move(error));
    throw Stop{std::move(error)};
  }

  std::vector<Container> open_;
  Json root_;
  bool has_document_ = false;
};

/// YAML 1.2 §5.1 allows none but these three. yaml-cpp takes them, and takes 0x04 for the end: what follows would be
/// lost.
bool is_forbidden_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
}

void refuse_control_characters(std::string_view text) {
  auto found = std::ranges::find_if(text, is_forbidden_control);
  if (found == text.end()) return;
  std::string_view before(text.begin(), found);
  YAML::Mark mark;
  mark.line = static_cast<int>(std::ranges::count(before, '\n'));
  mark.column = static_cast<int>(before.size() - (before.rfind('\n') + 1));
  stop(mark, "a control character");
}

Json parse_one_document(std::string_view text) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  Builder builder;
  parser.HandleNextDocument(builder);
  parser.HandleNextDocument(builder);  // whatever follows: the builder takes no second one
  return builder.take();
}

}  // namespace

Result<Json> parse_yaml(std::string_view text) {
  if (text.size() > kYamlBytesMax)
    return fail(Error(Code::kInvalidArgument, "the text is too long").because("too-large"));
  if (!simdjson::validate_utf8(text.data(), text.size()))
    return fail(Error(Code::kInvalidArgument, "the text is not UTF-8").because("invalid-utf8"));
  try {
    refuse_control_characters(text);
    return parse_one_document(text);
  } catch (Stop& stopped) {
    return fail(std::move(stopped.error));
  } catch (const YAML::Exception& mistake) {
    // yaml-cpp's own text is left out: it may quote the document.
    return fail(error_at(mistake.mark, "not YAML", "malformed-yaml"));
  } catch (const std::exception&) {
    return fail(Error(Code::kInvalidArgument, "the parser gave up").because("malformed-yaml"));
  }
}

namespace internal {
namespace {

using Warnings = std::vector<std::string>;

void warn_below(const Json& json, const Shape& shape, const std::string& path, Warnings& warnings);

void warn_of(const std::string& path, const std::string& key, const FieldList& fields, Warnings& warnings) {
  std::vector<std::string_view> known;
  for (const FieldFacts& field : fields) known.push_back(field.name);
  std::string warning = "unknown key " + path + key;
  if (std::string_view nearest = nearest_word(key, known); !nearest.empty())
    warning.append(", did you mean ").append(path).append(nearest).append("?");
  warnings.push_back(std::move(warning));
}

void warn_in_struct(const Json& json, const FieldList& fields, const std::string& path, Warnings& warnings) {
  for (const Member& member : json.members()) {
    if (warnings.size() >= kWarningsMax) return;
    if (const FieldFacts* field = fields.find(member.name)) {
      warn_below(member.value, *field->shape, path + member.name + ".", warnings);
    } else {
      warn_of(path, member.name, fields, warnings);
    }
  }
}

void warn_below(const Json& json, const Shape& shape, const std::string& path, Warnings& warnings) {
  if (shape.kind == ShapeKind::kStruct) return warn_in_struct(json, shape.fields(), path, warnings);
  if (shape.kind == ShapeKind::kOptional) return warn_below(json, *shape.inner, path, warnings);
  if (shape.kind != ShapeKind::kList) return;
  for (std::size_t i = 0; i < json.items().size(); ++i)
    warn_below(json.items()[i], *shape.inner, path + std::to_string(i) + ".", warnings);
}

}  // namespace

void warn_of_unknown_keys(const Json& json, const Shape& shape, std::vector<std::string>& warnings) {
  warn_below(json, shape, "", warnings);
}

}  // namespace internal
}  // namespace sluice::schema
