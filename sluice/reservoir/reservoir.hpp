// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Logger;
class Registry;
}  // namespace sluice::observe

namespace sluice::reservoir {

namespace internal {
class Storage;
}

/// Where a record lies in the order of all that were accepted; the first is 1, 0 is "before all".
using Position = std::uint64_t;

/// What makes two submissions the same thing: a hash of the names that identify it. Use key_of.
using Key = std::array<std::byte, 16>;
/// The key of these names: the first half of the SHA-256 of them, each with its length, so ("a","bc") and ("ab","c") differ.
[[nodiscard]] Key key_of(std::initializer_list<std::string_view> names);

/// One thing that wants to come in.
struct Candidate {
  Key key;
  Sha256 content;        ///< of what was sent: the same key with another content is a conflict
  std::string note = {};  ///< a few bytes that are remembered with the key for as long as the key is: what a replay needs
};

/// What is known about a key that is in.
struct Entry {
  Position position = 0;
  WallTime received_at;
  Sha256 content;
  std::string note;
};

/// A record on its way out of the reservoir.
struct Record {
  Position position = 0;
  WallTime received_at;
  std::uint8_t type = 0;       ///< the owner's
  std::vector<Key> keys = {};  ///< of what it holds, in the order of its claim
  std::string payload;
};

/// Tells a record from any other that could stand at its position.
using Fingerprint = std::array<std::byte, 16>;
/// The first half of the SHA-256 of all that is in the record. Stores keep it: what it is made of never changes.
[[nodiscard]] Fingerprint fingerprint_of(const Record& record);

struct ReservoirOptions {
  std::filesystem::path folder = {};                           ///< created if missing; one process at a time
  std::uint64_t bytes_max = std::uint64_t{4} << 30;            ///< of accepted and not yet drained; beyond it: full
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;       ///< of one file; a larger record gets a file of its own
  std::size_t record_bytes_max = std::size_t{32} << 20;        ///< of one payload
  std::size_t pending_bytes_max = std::size_t{64} << 20;       ///< waiting for the next flush; beyond it append parks
};

/// Accepted, durable, not yet stored: what stands between a flood and a database.
///
///   auto reservoir = Reservoir::open(ctx, {.folder = "var/journal"}, parts);
///   SLUICE_TRY(auto claim, reservoir.claim(ctx, candidates));       // who of them is new?
///   SLUICE_TRY(auto position, reservoir.append(ctx, std::move(claim), kReport, received_at, payload));
///   // durable: now it may be acknowledged
///
/// Claiming decides "seen before?" for each key, under one lock per key: of equal keys at the same moment one caller gets
/// kNew and the others wait for what becomes of it. Appending writes one record for all that is new in the claim, flushes
/// it together with everybody else's who waits at that moment, and makes the keys known.
/// A claim that is destroyed without append gives its keys back. A fiber holds one claim at a time: with a second it could
/// wait for itself.
/// Threads: fibers. Lifetime: nobody is inside at the end; close() first.
class Reservoir {
 public:
  /// What it stands on; outlives it. One living reservoir a registry: its metrics have no labels.
  struct Parts {
    Clock& clock;
    observe::Logger& log;
    observe::Registry& metrics;
  };

  enum class Standing : std::uint8_t {
    kNew,       ///< the claim holds it; append it
    kKnown,     ///< the same content is in; `entry` says where
    kConflict,  ///< another content is in under this key
    kRepeated,  ///< the same key and content stand earlier in this claim, at `first`
  };
  struct Answer {
    Standing standing = Standing::kNew;
    Entry entry = {};       ///< of kKnown and kConflict
    std::size_t first = 0;  ///< of kRepeated
  };

  class [[nodiscard]] Claim {
   public:
    Claim(Claim&&) noexcept;
    Claim& operator=(Claim&&) noexcept;
    ~Claim();
    /// One per candidate, in their order. A key that stands twice with different contents is kConflict the second time.
    [[nodiscard]] std::span<const Answer> answers() const noexcept;
    [[nodiscard]] bool has_new() const noexcept;

   private:
    friend class Reservoir;
    struct Held;
    explicit Claim(std::unique_ptr<Held> held) noexcept;
    std::unique_ptr<Held> held_;
  };

  /// Reads what is there: the ids, then every frame. A torn tail is cut, logged and counted.
  /// kDataLoss: damage elsewhere; detail names the file and the offset. kFailedPrecondition: another process has it.
  static Result<std::unique_ptr<Reservoir>> open(Context& ctx, ReservoirOptions options, Parts parts);
  /// The same on other ground than a folder, whose name is not looked at: for tests, to fail and tear what is written.
  static Result<std::unique_ptr<Reservoir>> open_in(Context& ctx, std::unique_ptr<internal::Storage> storage,
                                                    ReservoirOptions options, Parts parts);
  Reservoir(const Reservoir&) = delete;
  Reservoir& operator=(const Reservoir&) = delete;
  ~Reservoir();

  /// The time to stamp a record with: the wall clock, but never earlier than the latest stamp.
  [[nodiscard]] WallTime stamp() noexcept;

  /// Parks while an equal key is under way elsewhere. kResourceExhausted `reservoir-full`, kUnavailable `not-writable`:
  /// nothing was taken; only asked if something is new.
  Result<Claim> claim(Context& ctx, std::span<const Candidate> candidates);
  /// Parks until the record is on stable storage, then the keys are known; its position. Once it has begun it waits for
  /// the disk whatever becomes of ctx: nobody can take a write back. After an error (kUnavailable `not-writable`) the
  /// record may or may not come back at the next start: the client repeats it under the same key.
  /// Requires: claim.has_new(); received_at is from stamp(). kInvalidArgument `too-large`: payload > record_bytes_max.
  Result<Position> append(Context& ctx, Claim claim, std::uint8_t type, WallTime received_at, std::string_view payload);
  /// What is known under this key, from memory. Never parks for long.
  [[nodiscard]] std::optional<Entry> find(const Key& key);

  // For who takes records out.

  /// The next records after `after`, oldest first: at least one, at most `records_max` and about `bytes_max` bytes of
  /// payload. Parks until there is one. kOutOfRange: `after` + 1 was trimmed away already.
  Result<std::vector<Record>> read(Context& ctx, Position after, std::size_t records_max, std::size_t bytes_max);
  /// Everything up to here is stored elsewhere: the files that hold nothing else go, their keys stay known.
  /// Never goes back. Requires: position <= durable().
  Result<void> trim(Context& ctx, Position position);

  /// The last position that is durable.
  [[nodiscard]] Position durable() const noexcept;
  /// The last position that trim() was told.
  [[nodiscard]] Position drained() const noexcept;
  /// The oldest position that read() can still give; durable() + 1 if there is none.
  [[nodiscard]] Position oldest() const noexcept;
  /// Names this journal for ever: the store keeps it beside its position, so that the two are never mixed up.
  [[nodiscard]] const std::string& journal_id() const noexcept;
  /// Ok: appending works. kUnavailable `not-writable`, kResourceExhausted `reservoir-full`. From memory.
  [[nodiscard]] Result<void> writable() const;
  /// How long a refused client should wait, from what is in here and how fast it has lately been drained; at least 1 s.
  [[nodiscard]] Duration retry_after() const;

  /// Flushes, marks the end, and gives the folder back. Requires: nobody is inside.
  Result<void> close(Context& ctx);

 private:
  class Work;
  explicit Reservoir(std::unique_ptr<Work> work) noexcept;
  const std::unique_ptr<Work> work_;
};

}  // namespace sluice::reservoir
