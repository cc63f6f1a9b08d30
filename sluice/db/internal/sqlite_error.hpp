// SPDX-License-Identifier: MIT
#pragma once

#include <source_location>
#include <string_view>

#include <sluice/base/result.hpp>

namespace sluice::db {

/// The Error of one of SQLite's extended result codes: the one table from theirs to ours. The detail is SQLite's word for
/// the code, then `what`, which holds no value. Requires: not SQLITE_OK, SQLITE_ROW or SQLITE_DONE.
[[nodiscard]] Error sqlite_error(int code, std::string_view what = {},
                                 std::source_location where = std::source_location::current());

}  // namespace sluice::db
