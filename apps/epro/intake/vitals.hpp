// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/intake/study_book.hpp>
#include <apps/epro/record/flags.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {

/// What became of one item of a batch. None of them is worth sending again unchanged.
enum class ItemOutcome : std::uint8_t {
  kCreated,
  kDuplicate,    ///< it was here already, with the same content
  kConflict,     ///< another content is here under its id; that one stands
  kInvalid,      ///< no item, or nobody of this study: not taken
  kQuarantined,  ///< taken, for a person to look at
};

/// "created" and so on, as in the answer.
[[nodiscard]] std::string_view to_string(ItemOutcome outcome) noexcept;

struct ItemResult {
  ItemOutcome outcome = ItemOutcome::kInvalid;
  std::string id;       ///< as the item has it; empty: it has none that we could read
  std::string code;     ///< why it is invalid or quarantined; empty otherwise
  std::string pointer;  ///< the part at fault, relative to the item
  Flags flags;
  std::vector<std::string> alerts;  ///< names of rules
};

/// What one bad item does to the others of its batch.
enum class BatchMode : std::uint8_t {
  kIndependent,  ///< nothing
  kAtomic,       ///< all are in or none is
};

struct BatchResult {
  std::vector<ItemResult> items;  ///< in the batch's order
  bool is_taken = true;           ///< false: nothing was, for one is invalid, in conflict or would be quarantined
};

/// Most items of one batch, and most bytes of its body (api.md).
inline constexpr std::size_t kVitalsItemsMax = 1000;
inline constexpr std::size_t kVitalsBytesMax = std::size_t{4} << 20;

/// The acknowledged path of vital signs: judged one by one, made durable as one record, so that a batch is in as a whole
/// or not at all while a bad item blocks nobody. Threads: fibers. Lifetime: the reservoir outlives it.
class Vitals {
 public:
  explicit Vitals(sluice::reservoir::Reservoir& reservoir) : reservoir_(reservoir) {}

  /// One result per item, in their order; an item that could not be read is kInvalid by its error. Parks until all that is
  /// new is durable. An error (those of Reservoir::claim and append) means that nothing was taken.
  sluice::Result<BatchResult> submit(sluice::Context& ctx, const PublishedStudy& published,
                                     std::span<const sluice::Result<VitalsItem>> items, BatchMode mode);

  /// The article's endpoint: a heart rate of whoever is called `subject_key`, measured now. Who is not known becomes a
  /// subject of the study. Each call is another measurement: there is no id by which a repeated one could be known.
  /// Requires: is_identifier(subject_key).
  sluice::Result<ItemResult> submit_heart_rate(sluice::Context& ctx, const PublishedStudy& published,
                                               std::string_view subject_key, std::int64_t per_minute, const Uuid& id);

 private:
  struct Judged;
  sluice::Result<sluice::reservoir::Reservoir::Claim> claim(sluice::Context& ctx, std::span<Judged> judged);
  sluice::Result<void> append(sluice::Context& ctx, const std::string& study, std::span<Judged> judged,
                              sluice::reservoir::Reservoir::Claim claim, sluice::WallTime received_at);

  sluice::reservoir::Reservoir& reservoir_;
};

}  // namespace epro
