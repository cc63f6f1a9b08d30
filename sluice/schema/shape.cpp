// SPDX-License-Identifier: MIT
#include <sluice/schema/shape.hpp>

#include <array>
#include <charconv>
#include <limits>

namespace sluice::schema::internal {

template <class Integer>
bool parse_integer(std::string_view digits, void* integer) {
  Integer value{};
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  *static_cast<Integer*>(integer) = value;
  return true;
}

template <class Integer>
void append_integer(std::string& out, const void* integer) {
  std::array<char, std::numeric_limits<Integer>::digits10 + 2> digits;  // one more than digits10, and a minus
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), *static_cast<const Integer*>(integer)).ptr;
  out.append(digits.data(), end);
}

#define SLUICE_INTEGER_(Integer)                                \
  template bool parse_integer<Integer>(std::string_view, void*); \
  template void append_integer<Integer>(std::string&, const void*);
SLUICE_INTEGER_(signed char)
SLUICE_INTEGER_(unsigned char)
SLUICE_INTEGER_(short)
SLUICE_INTEGER_(unsigned short)
SLUICE_INTEGER_(int)
SLUICE_INTEGER_(unsigned)
SLUICE_INTEGER_(long)
SLUICE_INTEGER_(unsigned long)
SLUICE_INTEGER_(long long)
SLUICE_INTEGER_(unsigned long long)
#undef SLUICE_INTEGER_

}  // namespace sluice::schema::internal
