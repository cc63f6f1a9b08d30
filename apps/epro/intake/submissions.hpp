// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/intake/device_memory.hpp>
#include <apps/epro/intake/study_book.hpp>
#include <apps/epro/record/receipt.hpp>

namespace epro {

/// What to do with a report that can be kept but not used as it is.
enum class Handling : std::uint8_t {
  kLenient,  ///< quarantine it: it is acknowledged, a person decides later
  kStrict,   ///< refuse it: whoever sends it can mend it at once
};

struct Submitted {
  Receipt receipt;
  bool is_new = true;  ///< false: a replay; the receipt is the first one's
};

/// How far an acknowledged report has come.
enum class ReportState : std::uint8_t { kJournaled, kStored, kQuarantined };
[[nodiscard]] std::string_view to_string(ReportState state) noexcept;

struct FoundReceipt {
  Receipt receipt;
  ReportState state = ReportState::kJournaled;
};

/// The acknowledged path of a report: read within limits, judged, deduplicated, durable, answered. No database, no
/// network. Threads: fibers. Lifetime: the reservoir outlives it.
class Submissions {
 public:
  /// `node` names this server in receipts.
  Submissions(sluice::reservoir::Reservoir& reservoir, std::string node)
      : reservoir_(reservoir), node_(std::move(node)) {}

  /// Parks until the report is durable. The errors of parse_envelope; kPermissionDenied `forbidden` at /patientId: nobody
  /// of this study; kAborted `submission-id-reused`: another content has this id; with kStrict kFailedPrecondition by the
  /// first finding; the errors of Reservoir::claim and append.
  sluice::Result<Submitted> submit(sluice::Context& ctx, const PublishedStudy& published, std::string_view body,
                                   Handling handling);

  /// By a receipt's id or a submission's (of a report or of an item of a batch). Nothing if this study has none such.
  [[nodiscard]] std::optional<FoundReceipt> find(std::string_view study, std::string_view id);

 private:
  [[nodiscard]] Receipt receipt_of(const sluice::reservoir::Key& key, const sluice::reservoir::Entry& entry) const;
  [[nodiscard]] std::optional<FoundReceipt> find(const sluice::reservoir::Key& key);

  sluice::reservoir::Reservoir& reservoir_;
  const std::string node_;
  DeviceMemory devices_;
};

}  // namespace epro
