// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/base/digest.hpp>
#include <sluice/base/result.hpp>
#include <sluice/db/sqlite.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace epro {

/// Up to where the store has its journal.
struct Applied {
  sluice::reservoir::Position position = 0;
  std::string journal_id;
};

/// What a row in the store answers for: one key of one record of the journal.
enum class RowKind : std::uint8_t { kAccepted, kQuarantined, kPublication, kSetAside, kRepeated };

struct StoredRow {
  sluice::reservoir::Position position = 0;
  std::uint64_t ordinal = 0;
  RowKind kind = RowKind::kAccepted;
  sluice::reservoir::Key key{};
  std::optional<sluice::Sha256> content;  ///< of the bytes as they lie there; empty: the row has none of its own
  bool is_intact = true;                  ///< the bytes have the hash that stands beside them
  std::string receipt_id;                 ///< empty: it has none
};

/// Reads what a Store wrote, from the outside: a server may be running and draining meanwhile. Rows never change and
/// positions only rise, so who stays at or below one applied().position reads a whole that does not move, without
/// holding up the server by one long transaction.
/// Threads: fibers.
class StoreReader {
 public:
  /// Reads only, changes nothing. kNotFound: there is no such file. kFailedPrecondition: it is no database of this version.
  static sluice::Result<std::unique_ptr<StoreReader>> open(sluice::Context& ctx, const std::filesystem::path& file);

  sluice::Result<Applied> applied(sluice::Context& ctx);
  /// Their OIDs, in order.
  sluice::Result<std::vector<std::string>> studies_with_vitals(sluice::Context& ctx);
  /// The next rows after this place, at most `rows_max`, up to the position `last`, in the order of the journal.
  /// Empty: there are no more.
  sluice::Result<std::vector<StoredRow>> rows(sluice::Context& ctx, sluice::reservoir::Position after,
                                              std::uint64_t after_ordinal, sluice::reservoir::Position last,
                                              std::size_t rows_max);

  /// For queries of one's own.
  [[nodiscard]] sluice::db::Sqlite& database() noexcept { return *database_; }

 private:
  explicit StoreReader(std::unique_ptr<sluice::db::Sqlite> database) : database_(std::move(database)) {}
  const std::unique_ptr<sluice::db::Sqlite> database_;
};

}  // namespace epro
