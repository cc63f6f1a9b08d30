// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/response.hpp>

namespace epro {

// What a server answers (api.md), as far as a client needs it. Pure.

/// The answer to a submission that is kept.
struct ReceivedReceipt {
  std::string receipt_id;
  bool is_accepted = true;  ///< else quarantined
};
/// kDataLoss `bad-answer`: it is no receipt, or the receipt's id could not be a word of the ledger.
[[nodiscard]] sluice::Result<ReceivedReceipt> read_receipt(std::string_view body);

/// The answer to the publication of a study.
struct PublishedRevision {
  std::uint64_t revision = 0;
  std::vector<std::string> changes;  ///< empty: it said what was known already
};
/// kDataLoss `bad-answer`.
[[nodiscard]] sluice::Result<PublishedRevision> read_revision(std::string_view body);

/// How many items of batches had which result.
struct ItemCounts {
  std::uint64_t created = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t conflict = 0;
  std::uint64_t invalid = 0;
  std::uint64_t quarantined = 0;

  ItemCounts& operator+=(const ItemCounts& other) noexcept;
  friend bool operator==(const ItemCounts&, const ItemCounts&) = default;
};
/// kDataLoss `bad-answer`: another number of items than `expected`, or a result that we do not know.
[[nodiscard]] sluice::Result<ItemCounts> read_item_counts(std::string_view body, std::size_t expected);

/// What a refusal says to programs.
struct ReadProblem {
  std::string code;     ///< the status' phrase if the body has none
  std::string pointer;  ///< empty: the whole message
};
[[nodiscard]] ReadProblem read_problem(const sluice::http::Response& answer);
/// The same for people: "403 forbidden (/patientId)".
[[nodiscard]] std::string describe_refusal(const sluice::http::Response& answer);

}  // namespace epro
