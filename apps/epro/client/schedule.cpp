// SPDX-License-Identifier: MIT
#include <apps/epro/client/schedule.hpp>

#include <algorithm>

#include <sluice/base/assert.hpp>

#include <apps/epro/client/random.hpp>

namespace epro {

using sluice::Duration;

std::vector<Duration> draw_moments(std::size_t count, Duration within, std::uint64_t seed) {
  SLUICE_ASSERT(within > Duration::zero(), "there is a window to draw from");
  Random random(seed);
  std::vector<Duration> moments(count);
  for (Duration& moment : moments) {
    auto drawn = static_cast<Duration::rep>(random.fraction() * static_cast<double>(within.count()));
    moment = Duration(std::min(drawn, within.count() - 1));  // the product may round up to the end
  }
  std::ranges::sort(moments);
  return moments;
}

}  // namespace epro
