// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/max_connections.hpp>

#include <atomic>
#include <memory>
#include <utility>

#include <sluice/http/middleware/refuser.hpp>

namespace sluice::http::middleware {
namespace {

class Limit {
 public:
  Limit(std::size_t limit, observe::Registry& metrics, observe::Logger& log, Clock& clock)
      : limit_(limit), refuser_("max-connections", metrics, log, clock) {}

  Response serve(Context& ctx, Request& request, const Handler& next) {
    // Goes as the request does, also by an exception.
    struct Place {
      std::atomic<std::size_t>& taken;
      // relaxed, both: a count to compare with a limit; it orders nothing.
      std::size_t before = taken.fetch_add(1, std::memory_order_relaxed);
      ~Place() { taken.fetch_sub(1, std::memory_order_relaxed); }
    } place{taken_};
    return place.before < limit_ ? next(ctx, request) : refuser_.refuse(request);
  }

 private:
  const std::size_t limit_;
  Refuser refuser_;
  std::atomic<std::size_t> taken_{0};  // by requests under way, and for a moment by those that are refused
};

}  // namespace

Middleware max_connections(std::size_t limit, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  return [limit, &metrics, &log, &clock](Handler next) -> Handler {
    // shared_ptr: the copies of a handler count together.
    return [guard = std::make_shared<Limit>(limit, metrics, log, clock), next = std::move(next)](
               Context& ctx, Request& request) { return guard->serve(ctx, request, next); };
  };
}

}  // namespace sluice::http::middleware
