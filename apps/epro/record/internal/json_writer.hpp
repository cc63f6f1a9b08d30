// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/schema/json_writer.hpp>

namespace epro::internal {

/// Writes compact JSON piece by piece, members in the order in which they come, and puts the commas.
///
///   JsonWriter json;
///   json.open('{').text("id", patient.id.text()).key("items").open('[').text("a").close(']').close('}');
///
/// Requires: what is opened is closed, and each member has its key. Texts are UTF-8.
class JsonWriter {
 public:
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_ += bracket;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    text(name);
    text_ += ':';
    return *this;
  }
  JsonWriter& text(std::string_view value) {
    separate();
    sluice::schema::append_json_string(text_, value);
    return *this;
  }
  /// What is JSON already: a number, "true", "null".
  JsonWriter& raw(std::string_view json) {
    separate();
    text_ += json;
    return *this;
  }

  JsonWriter& text(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& raw(std::string_view name, std::string_view json) { return key(name).raw(json); }
  JsonWriter& number(std::string_view name, std::integral auto value) { return key(name).raw(std::to_string(value)); }

  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  /// The last byte tells: a value that is a text ends with its quote, whatever it holds.
  void separate() {
    if (!text_.empty() && !std::string_view("{[:").contains(text_.back())) text_ += ',';
  }

  std::string text_;
};

}  // namespace epro::internal
