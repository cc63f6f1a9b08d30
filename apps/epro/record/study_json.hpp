// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/schema/json_value.hpp>

#include <apps/epro/record/instrument.hpp>
#include <apps/epro/record/study.hpp>

namespace epro {

/// Reads a study (api.md, "Study definition") and checks it: what it returns has passed check(). A patient without id
/// gets patient_id_of(); limits of vital signs that it does not give are the defaults.
/// kInvalidArgument `invalid-study` with the JSON Pointer of the part at fault. A member that a study does not have is at
/// fault too: a typing error must not pass for a study without limits.
[[nodiscard]] sluice::Result<Study> read_study(const sluice::schema::Json& json);
/// The same from text; also the reasons of schema::parse_json and schema::parse_yaml.
[[nodiscard]] sluice::Result<Study> parse_study(std::string_view json);
[[nodiscard]] sluice::Result<Study> parse_study_yaml(std::string_view yaml);

/// Reads one instrument as canonical_text(Instrument) writes it, and does not check() it again. kInvalidArgument, as above.
[[nodiscard]] sluice::Result<Instrument> parse_instrument(std::string_view json);

/// The whole study as JSON in one fixed way of writing: what is journaled. Reading it back gives an equal value, also
/// after the defaults have changed, for nothing is left to them. Linear in its size: 50,000 patients take some 30 ms.
[[nodiscard]] std::string canonical_text(const Study& study);
/// The same without the patients: studies.definition, where they have a table of their own.
[[nodiscard]] std::string definition_text(const Study& study);

}  // namespace epro
