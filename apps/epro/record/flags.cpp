// SPDX-License-Identifier: MIT
#include <apps/epro/record/flags.hpp>

#include <array>

#include <sluice/base/assert.hpp>

namespace epro {
namespace {

constexpr std::array kAllFlags = {
    Flag::kClockSkew,       Flag::kFuture,      Flag::kTzChanged,       Flag::kLate,       Flag::kDeliveredLate,
    Flag::kDuplicateWindow, Flag::kUnscheduled, Flag::kDeviceSeqReused, Flag::kOutOfRange,
};

}  // namespace

std::string_view to_string(Flag flag) noexcept {
  switch (flag) {
    case Flag::kClockSkew: return "clock_skew";
    case Flag::kFuture: return "future";
    case Flag::kTzChanged: return "tz_changed";
    case Flag::kLate: return "late";
    case Flag::kDeliveredLate: return "delivered_late";
    case Flag::kDuplicateWindow: return "duplicate_window";
    case Flag::kUnscheduled: return "unscheduled";
    case Flag::kDeviceSeqReused: return "device_seq_reused";
    case Flag::kOutOfRange: return "out_of_range";
  }
  SLUICE_ASSERT(false, "every flag has a word");
  return {};
}

std::vector<std::string_view> Flags::names() const {
  std::vector<std::string_view> names;
  for (Flag flag : kAllFlags)
    if (has(flag)) names.push_back(to_string(flag));
  return names;
}

}  // namespace epro
