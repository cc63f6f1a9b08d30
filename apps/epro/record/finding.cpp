// SPDX-License-Identifier: MIT
#include <apps/epro/record/finding.hpp>

#include <sluice/base/assert.hpp>

namespace epro {

std::string_view to_string(FindingCode code) noexcept {
  switch (code) {
    case FindingCode::kInstrumentVersionUnknown: return "instrument-version-unknown";
    case FindingCode::kItemUnknown: return "item-unknown";
    case FindingCode::kValueNotAllowed: return "value-not-allowed";
    case FindingCode::kValueType: return "value-type";
    case FindingCode::kUnitUnknown: return "unit-unknown";
    case FindingCode::kUnitImplausible: return "unit-implausible";
    case FindingCode::kCaptureTimeAmbiguous: return "capture-time-ambiguous";
    case FindingCode::kCaptureTimeInvalid: return "capture-time-invalid";
    case FindingCode::kPatientWithdrawn: return "patient-withdrawn";
    case FindingCode::kEmpty: return "empty";
  }
  SLUICE_ASSERT(false, "every finding code has a word");
  return {};
}

}  // namespace epro
