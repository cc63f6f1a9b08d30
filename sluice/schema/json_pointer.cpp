// SPDX-License-Identifier: MIT
#include <sluice/schema/json_pointer.hpp>

#include <utility>

namespace sluice::schema {

std::string pointer(std::string_view base, std::string_view name) {
  std::string pointer;
  pointer.reserve(base.size() + 1 + name.size());
  pointer.append(base).push_back('/');
  for (char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

std::string pointer(std::string_view base, std::size_t index) {
  return pointer(base, std::string_view(std::to_string(index)));
}

Error error_inside(std::string_view name, Error error) {
  // Too long: the inner end goes, never the outer one, so that what is left points to something around the fault.
  std::string field = name.size() < kPointerBytesMax ? pointer("", name) : "";
  if (field.size() > kPointerBytesMax) field.clear();
  if (!field.empty() && field.size() + error.field().size() <= kPointerBytesMax) field += error.field();
  return std::move(error).at(std::move(field));
}

Error error_inside(std::size_t index, Error error) {
  return error_inside(std::string_view(std::to_string(index)), std::move(error));
}

}  // namespace sluice::schema
