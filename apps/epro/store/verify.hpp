// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace epro {

/// One thing that is not as it should be: where, and what; never a value.
struct Disagreement {
  sluice::reservoir::Position position = 0;
  std::string what;  ///< "key 9f2c…: acknowledged, but not in the store"
};

/// What journal and store say of each other.
struct Verification {
  // Reports and items of vital signs; publications of studies are compared too, but not counted.
  std::uint64_t acknowledged = 0;
  std::uint64_t stored = 0;        ///< accepted
  std::uint64_t quarantined = 0;   ///< and set aside
  std::uint64_t in_reservoir = 0;  ///< acknowledged, and the store's time has not come
  std::uint64_t set_aside = 0;     ///< of the quarantined: see the table set_aside
  sluice::reservoir::Position applied = 0;  ///< what was compared: up to here
  sluice::reservoir::Position last = 0;     ///< the journal's last record
  std::uint64_t disagreements = 0;
  std::vector<Disagreement> first;  ///< of them, at most kDisagreementsShown

  [[nodiscard]] bool agrees() const noexcept { return disagreements == 0; }
};
inline constexpr std::size_t kDisagreementsShown = 20;

struct VerifyFolders {
  std::filesystem::path journal;
  std::filesystem::path database;
};

/// Compares what was acknowledged with what is stored, key by key: each key in the journal at or below the store's
/// position has exactly one row there, at the same position, with the same content and receipt; and no row there is one
/// that the journal does not explain. Reads only, and in bounded memory; a server may be running and draining meanwhile.
///
/// Why that is right while both move: the store's position is read first. All that it covers was durable in the journal
/// before, and neither changes any more; what comes in later lies behind it and counts as being in the reservoir.
/// A database that does not exist (yet) is one with nothing in it.
/// An error: one of the two cannot be read at all; a disagreement is none.
sluice::Result<Verification> verify(sluice::Context& ctx, const VerifyFolders& folders);

}  // namespace epro
