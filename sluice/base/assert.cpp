// SPDX-License-Identifier: MIT
#include <sluice/base/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace sluice {

void assertion_failed(const char* condition, const char* why, std::source_location where) noexcept {
  std::fprintf(stderr, "%s:%u: broken promise: %s (%s) in %s\n", where.file_name(), where.line(), why, condition,
               where.function_name());
  std::abort();
}

}  // namespace sluice
