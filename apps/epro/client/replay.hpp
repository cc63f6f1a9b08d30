// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/client/answers.hpp>
#include <apps/epro/client/progress.hpp>
#include <apps/epro/client/retrying_client.hpp>

namespace epro {

/// The server takes no more items at once (api.md).
inline constexpr std::size_t kReplayBatchMax = 1000;

struct ReplayOptions {
  std::size_t batch = 500;     ///< rows of one request, 1 to kReplayBatchMax
  std::size_t in_flight = 4;   ///< requests under way at a time: enough that the server never waits for us
};

/// What became of the rows of a file. Every one of them is counted once.
struct ReplayResult {
  /// `invalid` also counts the rows that are no measurements, and were not sent.
  ItemCounts items;
  std::uint64_t refused = 0;  ///< their whole batch was
  std::uint64_t retries = 0;
  /// What was wrong, for people, of the first ones: "row 17: VSORRES: is not written as a number of JSON is".
  std::vector<std::string> complaints;

  [[nodiscard]] std::uint64_t rows() const noexcept;
  /// Everything is stored, or will be: nothing was refused, invalid or in conflict with what was there.
  [[nodiscard]] bool is_complete() const noexcept;
};

/// Complaints that are kept: who has more of them has one cause for all.
inline constexpr std::size_t kComplaintsMax = 10;

/// Posts the rows of a VS data set as vital-sign batches, in the order of the file, some of them at the same time. The same
/// file makes the same batches with the same ids, so a second replay stores nothing. In bounded memory. Parks.
/// An error: the file cannot be read on, or a batch got no answer in time; the batches before have been taken.
/// Requires: the study of survey() is published.
[[nodiscard]] sluice::Result<ReplayResult> run_replay(sluice::Context& ctx, RetryingClient& sender, Progress& progress,
                                                      const std::filesystem::path& path, const ReplayOptions& options);

}  // namespace epro
