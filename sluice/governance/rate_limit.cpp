// SPDX-License-Identifier: MIT
#include <sluice/governance/rate_limit.hpp>

namespace sluice::governance {

Result<void> RateLimit::check() const {
  if (!(per_second > 0 && per_second <= kPerSecondMax))  // also refuses what is not a number
    return fail(Error(Code::kInvalidArgument, "a rate lies above 0 and at most at 1e9 a second").at("per_second"));
  if (burst == 0) return fail(Error(Code::kInvalidArgument, "a burst is at least 1").at("burst"));
  if (burst / per_second > std::chrono::duration<double>(kRefillMax).count())
    return fail(Error(Code::kInvalidArgument, "an empty bucket must be full again within a year").at("burst"));
  return {};
}

}  // namespace sluice::governance
