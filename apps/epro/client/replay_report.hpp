// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <sluice/schema/json_value.hpp>

#include <apps/epro/client/replay.hpp>

namespace epro {

/// One line, always of this form: `29643 rows: 29643 created, 0 duplicate ("already known"), 0 conflict, 0 invalid,
/// 0 quarantined`; then, if there are any, a line with the refused ones and a line for each complaint.
[[nodiscard]] std::string describe(const ReplayResult& result);
/// {"rows":29643,"created":29643,"duplicate":0,"conflict":0,"invalid":0,"quarantined":0,"refused":0,"retries":0}
[[nodiscard]] sluice::schema::Json to_json(const ReplayResult& result);

}  // namespace epro
