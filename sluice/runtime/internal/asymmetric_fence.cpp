// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/asymmetric_fence.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>

namespace sluice::internal {
namespace {

long membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

}  // namespace

std::atomic<bool> AsymmetricFence::is_light_{false};

void AsymmetricFence::prepare() noexcept {
  // relaxed: no other thread yet.
  is_light_.store(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0, std::memory_order_relaxed);
}

void AsymmetricFence::heavy() noexcept {
  if (!is_light()) return full();
  SLUICE_ASSERT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0, "a registered process may fence");
}

void AsymmetricFence::full() noexcept {
  // A locked instruction on memory of our own: what a seq_cst fence compiles to, but known to ThreadSanitizer.
  std::atomic<int> word{0};
  word.exchange(1, std::memory_order_seq_cst);  // pairs with the other side's fence
}

}  // namespace sluice::internal
