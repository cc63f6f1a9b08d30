// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice {

/// Many ask for the same thing at the same moment; one does it, and all get the answer.
///
///   auto row = flights.run(ctx, patient_id, [&]() -> Result<Row> { return store.load(ctx, patient_id); });
///   if (row && row->shared) ...            // somebody else's work
///
/// An error is shared as well, but not the end of the leader's own context, nor an exception: then one of the others leads.
/// fn must not ask for its own key: it would wait for itself until its context ends.
/// Value is std::copyable: each caller gets a copy, several at a time from the same one. A copy that throws is that caller's
/// affair; a move that does, while the answer lands, ends the process.
/// Threads: fibers only. What the leader's fn did is visible to all whom it answers. Lifetime: outlives all calls.
/// Source: Go's singleflight; there `shared` is true for the leader, too, if anybody else was answered.
template <class Key, class Value>
class Singleflight {
 public:
  struct Outcome {
    static_assert(std::copyable<Value>, "each caller gets a copy of the answer");
    Value value;
    bool shared;  ///< true: another caller's fn produced it
  };

  /// Calls fn() -> Result<Value> unless a call with an equal key is under way; then parks for that one's answer.
  /// The cause of ctx if that ends first.
  template <class F>
  Result<Outcome> run(Context& ctx, const Key& key, F&& fn);

  /// The next run() with this key begins anew, even while one is under way; whoever waits for that one still gets its answer.
  void forget(const Key& key);

 private:
  struct Flight {
    WaitGroup landed;
    Result<Value> result = fail(Code::kInternal, "the flight has not landed");
    bool leader_gave_up = false;
  };

  // shared_ptr: the leader, the table and every follower; the last to read the result frees it.
  std::pair<std::shared_ptr<Flight>, bool> join(const Key& key);
  void land(const Key& key, Flight& flight, Result<Value> result, bool gave_up);

  Mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<Flight>> flights_;  // guarded by mutex_
};

// ---- implementation ----

template <class Key, class Value>
template <class F>
Result<typename Singleflight<Key, Value>::Outcome> Singleflight<Key, Value>::run(Context& ctx, const Key& key, F&& fn) {
  for (;;) {
    auto [flight, leads] = join(key);
    if (leads) {
      // Lands also when fn throws: the followers must not wait for ever for somebody who has left.
      struct Landing {
        Singleflight& self;
        const Key& key;
        Flight& flight;
        Result<Value> result = fail(Code::kAborted, "the leader's function threw");
        bool gave_up = true;
        ~Landing() { self.land(key, flight, std::move(result), gave_up); }
      } landing{*this, key, *flight};
      landing.result = fn();
      landing.gave_up = !landing.result && ctx.is_cancelled();
      SLUICE_TRY(auto value, landing.result);
      return Outcome{std::move(value), false};
    }
    SLUICE_TRY(flight->landed.wait(ctx));
    if (flight->leader_gave_up) continue;
    SLUICE_TRY(auto value, flight->result);
    return Outcome{std::move(value), true};
  }
}

template <class Key, class Value>
std::pair<std::shared_ptr<typename Singleflight<Key, Value>::Flight>, bool> Singleflight<Key, Value>::join(
    const Key& key) {
  std::lock_guard hold(mutex_);
  auto [at, leads] = flights_.try_emplace(key);
  if (leads) {
    at->second = std::make_shared<Flight>();
    at->second->landed.add();
  }
  return {at->second, leads};
}

template <class Key, class Value>
void Singleflight<Key, Value>::forget(const Key& key) {
  std::lock_guard hold(mutex_);
  flights_.erase(key);
}

template <class Key, class Value>
void Singleflight<Key, Value>::land(const Key& key, Flight& flight, Result<Value> result, bool gave_up) {
  {
    std::lock_guard hold(mutex_);
    // Another one may be under way by now, if this one was forgotten.
    if (auto at = flights_.find(key); at != flights_.end() && at->second.get() == &flight) flights_.erase(at);
  }
  flight.result = std::move(result);
  flight.leader_gave_up = gave_up;
  flight.landed.done();
}

}  // namespace sluice
