// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/client/ledger.hpp>

namespace epro {

/// What a load generator's ledger and the database say of each other. They agree if only `acknowledged`, `stored` and
/// `unknown` are not zero: what was never answered may be stored or not.
struct LedgerCheck {
  std::uint64_t acknowledged = 0;  ///< with a receipt in the ledger
  std::uint64_t unknown = 0;       ///< intended, without an answer in the ledger
  std::uint64_t stored = 0;        ///< rows of this run in the database
  std::uint64_t lost = 0;          ///< acknowledged, and not stored
  std::uint64_t doubled = 0;       ///< more than one row for one submission id
  std::uint64_t wrong = 0;         ///< stored with other bytes, or under another receipt than the acknowledged one
  std::uint64_t unwanted = 0;      ///< stored, although it was refused
  std::uint64_t unsent = 0;        ///< stored, although nobody meant to send it
  std::vector<std::string> first;  ///< of the disagreements: "lost: 6d0f…"; at most kLedgerDisagreementsShown

  [[nodiscard]] bool agrees() const noexcept { return lost + doubled + wrong + unwanted + unsent == 0; }
};
inline constexpr std::size_t kLedgerDisagreementsShown = 20;

/// Waits until everything acknowledged is in the database, for as long as `patience`, and compares. The database is only
/// read; a server may be draining into it, and it may not exist yet. Parks.
/// An error: the database could not be read until the end of `patience`, or ctx ended. Disagreements are none.
[[nodiscard]] sluice::Result<LedgerCheck> check_ledger(sluice::Context& ctx, const LedgerContent& ledger,
                                                       const std::filesystem::path& database, sluice::Clock& clock,
                                                       sluice::Duration patience);

}  // namespace epro
