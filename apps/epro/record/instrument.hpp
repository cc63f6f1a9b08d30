// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/digest.hpp>

#include <apps/epro/record/range.hpp>

namespace epro {

enum class ItemType : std::uint8_t { kInteger, kDecimal, kBoolean, kChoice, kText };

/// "integer", "decimal", "boolean", "choice", "text": as in the study file.
[[nodiscard]] std::string_view to_string(ItemType type) noexcept;

/// What one question of an instrument may be answered with. What does not apply to its type stays empty.
struct ItemDefinition {
  std::string link_id;
  ItemType type = ItemType::kText;
  std::optional<Range> range = {};      ///< outside: the value is not allowed
  std::optional<Range> plausible = {};  ///< outside: flagged out_of_range
  std::optional<Range> possible = {};   ///< outside: a wrong unit or no such value
  std::string unit = {};                ///< UCUM; the ranges are in it; empty: none
  std::size_t max_length = 0;           ///< of a text, in code points; 0: no limit of its own
  std::vector<std::string> options = {};  ///< of a choice: its codes

  friend bool operator==(const ItemDefinition&, const ItemDefinition&) = default;
};

/// When a report is expected, in the patient's local time, counted from the midnight that begins its nominal day.
/// `closes` may lie on a later day. Invariant: opens <= due <= closes.
struct WindowDefinition {
  std::chrono::minutes opens{0};
  std::chrono::minutes due{0};
  std::chrono::minutes closes{0};
  bool is_daily = true;

  friend bool operator==(const WindowDefinition&, const WindowDefinition&) = default;
};

/// A questionnaire in one version. A published version never changes once it has data: its hash says so.
struct Instrument {
  std::string oid;
  std::string version;
  std::vector<ItemDefinition> items;
  std::optional<WindowDefinition> window;

  friend bool operator==(const Instrument&, const Instrument&) = default;
};

/// Nothing if no question has this id.
[[nodiscard]] const ItemDefinition* find_item(const Instrument& instrument, std::string_view link_id) noexcept;

/// The definition as JSON in one fixed way of writing: equal definitions have equal texts and no others have. Stored in
/// instruments.definition; reading it back (study_json.hpp) gives an equal value.
[[nodiscard]] std::string canonical_text(const Instrument& instrument);
/// SHA-256 of the canonical text: instruments.sha256.
[[nodiscard]] sluice::Sha256 fingerprint(const Instrument& instrument);

/// "17:00", or "10:00+1d" for a later day: how a window's ends are written. Up to kWindowDaysMax days.
inline constexpr int kWindowDaysMax = 31;  // a monthly diary may stay open for a month
[[nodiscard]] std::optional<std::chrono::minutes> parse_window_end(std::string_view text) noexcept;
[[nodiscard]] std::string format_window_end(std::chrono::minutes end);

}  // namespace epro
