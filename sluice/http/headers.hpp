// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// The fields of a message, in their order, names compared without regard to case.
///
/// All of them lie in one text, in the form that goes over the wire, with an index beside it: adding one allocates
/// nothing once the text has grown to the usual size of a head, and sending them all is one copy.
/// Threads: as any value. Source: RFC 9110 §5.
class Headers {
 public:
  /// Views into the Headers, good until these change.
  struct FieldView {
    std::string_view name;
    std::string_view value;
  };

  /// Requires: name is a token (RFC 9110 §5.6.2). A byte that would end the line or the text (CR, LF, NUL) becomes a
  /// space, so that no value can forge another field.
  void add(std::string_view name, std::string_view value);
  /// Replaces all fields of this name by one.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  /// Keeps the memory.
  void clear() noexcept;

  /// The first value of this name; nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  /// Whether this token stands in the comma-separated lists of this name: has_token("connection", "close").
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] FieldView operator[](std::size_t index) const noexcept;
  /// "name: value\r\n" for each.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// What it can hold of text before it goes to the allocator again.
  [[nodiscard]] std::size_t text_capacity() const noexcept { return text_.capacity(); }

 private:
  struct Entry {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };

  std::string text_;
  std::vector<Entry> entries_;
};

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Takes the next item off a comma-separated list, without the blanks around it; empty items are passed over.
/// False: there are no more.
bool next_list_item(std::string_view& list, std::string_view& item) noexcept;

}  // namespace sluice::http
