// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::net {

/// A standby that tells a fiber why it was woken. Lifetime: outlives the stream that it is left with.
class Alarm final : public Standby {
 public:
  explicit Alarm(Context& stop) : Standby(stop) {}

  /// Parks until it has been woken.
  Result<Cause> wait(Context& ctx) {
    SLUICE_TRY(auto cause, woken_.recv(ctx));
    return *cause;  // nobody closes it
  }

 private:
  void on_wake(Cause cause, Instant) noexcept override {
    static_cast<void>(woken_.try_send(cause));  // there is room: it is woken once for each time that it is left
  }

  Chan<Cause> woken_{1};
};

}  // namespace sluice::net
