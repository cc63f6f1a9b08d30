// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/base/clock.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::reservoir::internal {

/// For tests: a folder in memory that fails at any operation, and forgets in a power cut what was not synced, as a disk does:
/// each sector of an unsynced write is there or not, and so is each change of names, in no order. A failed sync leaves its pages clean: what it did not write, no later sync will.
/// Threads: fibers of one processor. Lifetime: outlives its mounts.
class CrashingDisk {
 public:
  /// What goes wrong at one operation that changes something.
  struct Fault {
    enum class When : std::uint8_t { kBefore, kHalfway, kAfterwards };
    std::uint64_t at = 0;  ///< the operation's number, from 0
    When when = When::kBefore;
    bool is_last = false;  ///< then every later operation fails too, until power_cut() or kill_process()
    Error error = Error(Code::kDataLoss, "Input/output error");
  };

  explicit CrashingDisk(std::uint64_t seed = 1) : random_(seed) {}

  /// What a process sees of it. Mounts of before its death only fail.
  std::unique_ptr<Storage> mount();

  void set_fault(std::optional<Fault> fault) { fault_ = std::move(fault); }
  /// While set, whatever needs space fails.
  void set_full(bool is_full) { is_full_ = is_full; }
  /// How long a sync takes.
  void set_sync_time(Duration length) { sync_time_ = length; }
  /// Only what was synced is there for certain afterwards; `keep`: how likely each other sector is.
  void power_cut(double keep);

  /// The machine goes on, with all that its page cache holds.
  void kill_process();

  /// How many operations have changed something, and how many of these were syncs of files.
  [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_; }
  [[nodiscard]] std::vector<std::string> names() const;
  /// The file's bytes, to damage or compare them. Requires: it is there.
  [[nodiscard]] std::vector<std::byte>& bytes(const std::string& name);
  /// All of it as it is now, to go on from there more than once.
  [[nodiscard]] std::map<std::string, std::vector<std::byte>> image() const;
  void restore(const std::map<std::string, std::vector<std::byte>>& image);

 private:
  static constexpr std::size_t kSectorBytes = 512;

  struct Write {
    std::uint64_t offset;
    std::vector<std::byte> bytes;
    std::optional<std::uint64_t> resize = {};  // instead: the file gets this size
  };
  struct Inode {
    std::vector<std::byte> live, durable;
    std::vector<Write> unsynced = {};
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct NameChange {
    std::string gone = {};  ///< empty: none
    std::string come = {};  ///< likewise
    std::shared_ptr<Inode> inode = {};
  };
  class Mount;
  class OpenFile;

  static void apply(std::vector<std::byte>& bytes, const Write& write);
  void keep_some(Inode& inode, double keep);
  void change(Inode& inode, Write write);
  static void apply(Names& names, const NameChange& change);
  void change(NameChange change);
  /// Runs one operation with its fault, if one is due: `act(halfway)` does it, or half of it.
  template <class F>
  Result<void> operate(std::uint64_t life, F act);

  std::mt19937_64 random_;
  std::optional<Fault> fault_;
  bool is_full_ = false;
  Duration sync_time_{};
  bool is_alive_ = true;
  std::uint64_t lives_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t syncs_ = 0;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_names_;
};

// ---- implementation ----

inline void CrashingDisk::apply(std::vector<std::byte>& bytes, const Write& write) {
  if (write.resize) {
    bytes.resize(*write.resize);
    return;
  }
  if (write.bytes.empty()) return;
  bytes.resize(std::max<std::size_t>(bytes.size(), write.offset + write.bytes.size()));
  std::memcpy(bytes.data() + write.offset, write.bytes.data(), write.bytes.size());
}

inline void CrashingDisk::keep_some(Inode& inode, double keep) {
  std::bernoulli_distribution is_kept(keep);
  for (const Write& write : inode.unsynced) {
    if (write.resize && is_kept(random_)) apply(inode.durable, write);
    for (std::size_t at = 0; at < write.bytes.size();) {
      const std::size_t end = std::min(write.bytes.size(), at + kSectorBytes - (write.offset + at) % kSectorBytes);
      auto first = write.bytes.begin() + static_cast<std::ptrdiff_t>(at);
      if (is_kept(random_))
        apply(inode.durable, {write.offset + at, {first, write.bytes.begin() + static_cast<std::ptrdiff_t>(end)}});
      at = end;
    }
  }
  inode.unsynced.clear();
}

inline void CrashingDisk::change(Inode& inode, Write write) {
  apply(inode.live, write);
  inode.unsynced.push_back(std::move(write));
}

inline void CrashingDisk::apply(Names& names, const NameChange& change) {
  if (!change.gone.empty()) names.erase(change.gone);
  if (!change.come.empty()) names[change.come] = change.inode;
}

inline void CrashingDisk::change(NameChange change) {
  apply(names_, change);
  unsynced_names_.push_back(std::move(change));
}

inline void CrashingDisk::kill_process() {
  is_alive_ = true;
  ++lives_;
  fault_.reset();
}

inline void CrashingDisk::power_cut(double keep) {
  kill_process();
  std::bernoulli_distribution is_kept(keep);
  for (const NameChange& change : std::exchange(unsynced_names_, {}))
    if (is_kept(random_)) apply(durable_names_, change);
  names_ = durable_names_;
  for (auto& [name, inode] : names_) {
    keep_some(*inode, keep);
    inode->live = inode->durable;
  }
}

inline std::vector<std::string> CrashingDisk::names() const {
  std::vector<std::string> names;
  for (const auto& [name, inode] : names_) names.push_back(name);
  return names;
}

inline std::vector<std::byte>& CrashingDisk::bytes(const std::string& name) {
  SLUICE_ASSERT(names_.contains(name), "the file is there");
  return names_.at(name)->live;
}

inline std::map<std::string, std::vector<std::byte>> CrashingDisk::image() const {
  std::map<std::string, std::vector<std::byte>> image;
  for (const auto& [name, inode] : names_) image[name] = inode->live;
  return image;
}

inline void CrashingDisk::restore(const std::map<std::string, std::vector<std::byte>>& image) {
  kill_process();
  names_.clear();
  for (const auto& [name, bytes] : image) names_[name] = std::make_shared<Inode>(Inode{bytes, bytes});
  durable_names_ = names_;
  unsynced_names_.clear();
}

template <class F>
Result<void> CrashingDisk::operate(std::uint64_t life, F act) {
  if (!is_alive_ || life != lives_) return fail(Code::kUnavailable, "the process is dead");
  const bool fails = fault_ && operations_ == fault_->at;
  ++operations_;
  if (!fails) {
    act(false);
    return {};
  }
  if (fault_->when == Fault::When::kHalfway) act(true);
  if (fault_->when == Fault::When::kAfterwards) act(false);
  is_alive_ = !fault_->is_last;
  return fail(Error(fault_->error));
}

class CrashingDisk::OpenFile final : public StorageFile {
 public:
  OpenFile(CrashingDisk& disk, std::uint64_t life, std::shared_ptr<Inode> inode)
      : disk_(disk), life_(life), inode_(std::move(inode)) {}

  Result<void> write_at(Context& ctx, std::uint64_t offset, std::span<const std::byte> bytes) override {
    SLUICE_TRY(ctx.check());
    if (disk_.is_full_ && offset + bytes.size() > inode_->live.size())
      return fail(Code::kResourceExhausted, "No space left on device");
    return disk_.operate(life_, [&](bool halfway) {
      auto written = halfway ? bytes.first(bytes.size() / 2) : bytes;
      disk_.change(*inode_, {offset, {written.begin(), written.end()}});
    });
  }
  Result<std::size_t> read_at(Context& ctx, std::uint64_t offset, std::span<std::byte> into) override {
    SLUICE_TRY(ctx.check());
    if (life_ != disk_.lives_) return fail(Code::kUnavailable, "the process is dead");
    if (offset >= inode_->live.size()) return std::size_t{0};
    const std::size_t got = std::min<std::size_t>(into.size(), inode_->live.size() - offset);
    std::memcpy(into.data(), inode_->live.data() + offset, got);
    return got;
  }
  Result<void> sync(Context& ctx) override {
    SLUICE_TRY(ctx.check());
    if (disk_.sync_time_ > Duration::zero()) SLUICE_TRY(sleep(ctx, disk_.sync_time_));
    ++disk_.syncs_;
    bool was_synced = false;
    auto result = disk_.operate(life_, [&](bool halfway) {
      was_synced = true;
      disk_.keep_some(*inode_, halfway ? 0.5 : 1);
    });
    // The kernel reports the error once, and takes the pages for clean from then on.
    if (!result && !was_synced && disk_.is_alive_) disk_.keep_some(*inode_, 0.5);
    return result;
  }
  Result<void> preallocate(Context& ctx, std::uint64_t size) override {
    SLUICE_TRY(ctx.check());
    if (disk_.is_full_) return fail(Code::kResourceExhausted, "No space left on device");
    return resize(std::max<std::uint64_t>(size, inode_->live.size()));
  }
  Result<void> truncate(Context& ctx, std::uint64_t size) override {
    SLUICE_TRY(ctx.check());
    return resize(size);
  }
  Result<std::uint64_t> size(Context& ctx) override {
    SLUICE_TRY(ctx.check());
    return inode_->live.size();
  }

 private:
  Result<void> resize(std::uint64_t size) {
    return disk_.operate(life_, [&](bool) { disk_.change(*inode_, {0, {}, size}); });
  }

  CrashingDisk& disk_;
  const std::uint64_t life_;
  const std::shared_ptr<Inode> inode_;  // with the disk's names, while it has one there
};

class CrashingDisk::Mount final : public Storage {
 public:
  explicit Mount(CrashingDisk& disk) : disk_(disk), life_(disk.lives_) {}

  Result<std::vector<std::string>> list(Context& ctx) override {
    SLUICE_TRY(ctx.check());
    return disk_.names();
  }
  Result<std::unique_ptr<StorageFile>> open(Context& ctx, std::string_view name, File::Mode mode) override {
    SLUICE_TRY(ctx.check());
    const std::string key(name);
    const bool is_there = disk_.names_.contains(key);
    if (mode == File::Mode::kCreate && is_there) return fail(Code::kAlreadyExists, key);
    if (mode == File::Mode::kRead && !is_there) return fail(Code::kNotFound, key);
    if (!is_there) {
      if (disk_.is_full_) return fail(Code::kResourceExhausted, "No space left on device");
      SLUICE_TRY(disk_.operate(life_, [&](bool) { disk_.change({.come = key, .inode = std::make_shared<Inode>()}); }));
    }
    return std::make_unique<OpenFile>(disk_, life_, disk_.names_.at(key));
  }
  Result<void> rename(Context& ctx, std::string_view from, std::string_view to) override {
    SLUICE_TRY(ctx.check());
    return disk_.operate(life_, [&](bool) {
      const std::string gone(from);
      disk_.change({.gone = gone, .come = std::string(to), .inode = disk_.names_.at(gone)});
    });
  }
  Result<void> remove(Context& ctx, std::string_view name) override {
    SLUICE_TRY(ctx.check());
    if (!disk_.names_.contains(std::string(name))) return fail(Code::kNotFound, std::string(name));
    return disk_.operate(life_, [&](bool) { disk_.change({.gone = std::string(name)}); });
  }
  Result<void> sync_names(Context& ctx) override {
    SLUICE_TRY(ctx.check());
    return disk_.operate(life_, [&](bool halfway) {
      if (halfway) return;
      disk_.durable_names_ = disk_.names_;
      disk_.unsynced_names_.clear();
    });
  }
  void release() override {}
  void fill_random(std::span<std::byte> into) override {
    for (std::byte& byte : into) byte = static_cast<std::byte>(disk_.random_() & 255);
  }

 private:
  CrashingDisk& disk_;
  const std::uint64_t life_;
};

inline std::unique_ptr<Storage> CrashingDisk::mount() { return std::make_unique<Mount>(*this); }

}  // namespace sluice::reservoir::internal
