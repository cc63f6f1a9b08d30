// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <sluice/schema/json_value.hpp>

#include <apps/epro/client/burst.hpp>

namespace epro {

/// Nothing was refused or given up.
[[nodiscard]] bool all_acknowledged(const BurstResult& result) noexcept;

/// For people: several lines.
[[nodiscard]] std::string describe(const BurstResult& result);
/// For machines: {"acknowledged":500,"quarantined":0,"replayed":0,"refused":{"403":2},"gaveUp":0,"retries":3,
/// "latencyUs":{"p50":812,"p99":…,"p99.9":…,"max":…},"elapsedMs":1004,"perSecond":498.0}
[[nodiscard]] sluice::schema::Json to_json(const BurstResult& result);

}  // namespace epro
