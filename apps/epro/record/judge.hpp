// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/flags.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

struct Envelope;
struct Patient;
struct Study;

/// A report captured further ahead of the server than this comes from a clock that is wrong, not from one that drifts.
inline constexpr std::chrono::minutes kFutureTolerance{5};
/// A report that arrives later than this after its capture was held up on its way.
inline constexpr std::chrono::hours kDeliveryExpected{24};

/// A window in which a report was expected, as instants.
struct ReportWindow {
  sluice::WallTime opens_at;
  sluice::WallTime closes_at;
  bool has_report = false;  ///< another report than this one was captured in it
};

/// What the past knows about a report's device and patient. What is unknown stays empty, and the flag that depends on it
/// is not judged.
struct Memory {
  std::optional<std::chrono::minutes> previous_offset = {};  ///< of this device's previous report: tz_changed
  std::optional<Uuid> holder_of_seq = {};  ///< which report carries this device, epoch and seq already: device_seq_reused
  bool knows_windows = false;         ///< late, delivered_late, duplicate_window, unscheduled
  std::optional<ReportWindow> window = {};  ///< the one that the capture belongs to; empty: none
};

enum class Disposition : std::uint8_t { kAccepted, kQuarantined };

/// "accepted", "quarantined".
[[nodiscard]] std::string_view to_string(Disposition disposition) noexcept;

/// What is to be said about a report: acknowledged either way, quarantined if there is anything wrong with it.
struct Verdict {
  std::vector<Finding> findings;  ///< in the order of the report; its cover first
  Flags flags;
  std::optional<std::chrono::milliseconds> skew;  ///< add it to the device's times; empty: `sentAt` is no instant

  [[nodiscard]] Disposition disposition() const noexcept {
    return findings.empty() ? Disposition::kAccepted : Disposition::kQuarantined;
  }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// Judges a report by the study's definition. The same arguments always give the same verdict: nothing is looked up, no
/// clock is read. `received_at` is when the report was journaled. Requires: `patient` is the one that the report names.
[[nodiscard]] Verdict judge(const Envelope& report, const Study& study, const Patient& patient, sluice::WallTime received_at,
                            const Memory& memory = {});

}  // namespace epro
