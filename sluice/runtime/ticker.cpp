// SPDX-License-Identifier: MIT
//
// A fiber sleeps until the next tick is due and sends it. A timer's function could not: it runs under its heap's lock, which
// is taken inside the channels' locks, not around them.
#include <sluice/runtime/ticker.hpp>

#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/select.hpp>

namespace sluice {

Ticker::Ticker(Context& parent, Duration period) : clock_(runtime_clock()), group_(parent) {
  reset(period);
  group_.go([this](Context& ctx) { serve(ctx); });
}

void Ticker::stop() {
  std::lock_guard hold(mutex_);
  set(Instant::max());
}

void Ticker::reset(Duration period) {
  SLUICE_ASSERT(period > Duration::zero(), "a ticker's period is more than nothing");
  std::lock_guard hold(mutex_);
  period_ = period;
  set(Deadline::after(clock_, period).when());
}

// Requires: mutex_ held, under which alone ticks are sent: none of the old ones is left in the channel, or on the way.
void Ticker::set(Instant due) {
  due_ = due;
  static_cast<void>(ticks_.try_recv());
  bool news = true;
  static_cast<void>(changed_.try_send(news));  // full: our fiber is about to look anyhow
}

void Ticker::serve(Context& ctx) {
  while (select(ctx, recv(changed_), after(next())).index != kContextEnded) {
    tick_if_due();
    yield();  // with a period shorter than this takes, the next tick is due already, and the select would not wait
  }
}

Deadline Ticker::next() {
  std::lock_guard hold(mutex_);
  return Deadline(due_);
}

void Ticker::tick_if_due() {
  std::lock_guard hold(mutex_);
  Instant now = clock_.now();
  if (due_ > now) return;
  Instant tick = now;
  static_cast<void>(ticks_.try_send(tick));  // full: dropped, as promised
  due_ += period_ * ((now - due_) / period_ + 1);
}

}  // namespace sluice
