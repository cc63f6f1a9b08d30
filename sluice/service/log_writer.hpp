// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::service {

/// Takes lines out of a logger's ring and writes them to a descriptor, many with one call, until `ctx` ends; then writes
/// what is left. Looks more often while there is much to write, a few times a second while there is nothing.
/// A descriptor that cannot be written loses lines, not requests: they are dropped and the ring goes on.
/// Run it as the program's first part: it is stopped last. Parks; one fiber per logger.
Result<void> write_log(Context& ctx, observe::Logger& log, int fd);

/// Writes what is in the ring now. For a program that ends without write_log.
void flush_log(observe::Logger& log, int fd);

}  // namespace sluice::service
