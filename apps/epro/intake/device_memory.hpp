// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/mutex.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

/// What earlier reports of the same device say about the next one, for the flags `tz_changed` and `device_seq_reused`.
///
///   Verdict verdict = judge(report, study, patient, received_at, devices.recall(study_oid, report));
///   ... acknowledged ...
///   devices.remember(study_oid, report);
///
/// It is a memory, not a record: it begins empty at each start and forgets the oldest beyond its capacity; then the flag
/// is not judged. The store has what is needed to judge it again. Threads: fibers; never parks for long.
class DeviceMemory {
 public:
  /// At most so many devices, and as many sequence numbers; some 200 bytes each.
  explicit DeviceMemory(std::size_t capacity = kCapacity) : offsets_(capacity), holders_(capacity) {}

  [[nodiscard]] Memory recall(std::string_view study, const Envelope& report) const;
  void remember(std::string_view study, const Envelope& report);

 private:
  using Key = sluice::reservoir::Key;
  static constexpr std::size_t kCapacity = 200'000;  // twice the patients of a large platform (clinical.md §1.2): 80 MB

  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  // A map that forgets what came first when it is full.
  template <class Value>
  class Recent {
   public:
    explicit Recent(std::size_t capacity) : capacity_(capacity) {}
    void put(const Key& key, const Value& value);
    [[nodiscard]] std::optional<Value> get(const Key& key) const;

   private:
    const std::size_t capacity_;
    std::unordered_map<Key, Value, KeyHash> values_;
    std::deque<Key> order_;
  };

  mutable sluice::Mutex mutex_{sluice::LockRank::kProgram};
  Recent<std::chrono::minutes> offsets_;  // guarded by mutex_
  Recent<Uuid> holders_;                  // guarded by mutex_
};

}  // namespace epro
