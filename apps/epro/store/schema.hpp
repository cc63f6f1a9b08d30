// SPDX-License-Identifier: MIT
#pragma once

namespace epro {

/// The version of schema.sql, kept in the database's user_version.
inline constexpr int kSchemaVersion = 2;

/// The text of schema.sql.
[[nodiscard]] const char* schema_sql() noexcept;

}  // namespace epro
