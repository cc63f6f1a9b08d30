// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/file.hpp>

namespace sluice::reservoir::internal {

/// An open file of a Storage; what File promises, it promises too. It stays readable after its name is gone.
class StorageFile {
 public:
  virtual ~StorageFile() = default;
  virtual Result<void> write_at(Context& ctx, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual Result<std::size_t> read_at(Context& ctx, std::uint64_t offset, std::span<std::byte> into) = 0;
  virtual Result<void> sync(Context& ctx) = 0;
  virtual Result<void> preallocate(Context& ctx, std::uint64_t size) = 0;
  virtual Result<void> truncate(Context& ctx, std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size(Context& ctx) = 0;
};

/// Everything that the journal wants from the machine: one folder's files, and randomness. Tests put a storage in its
/// place that fails, tears and forgets at any operation. Threads: fibers.
class Storage {
 public:
  virtual ~Storage() = default;
  /// The names of the files in the folder, in no order.
  virtual Result<std::vector<std::string>> list(Context& ctx) = 0;
  virtual Result<std::unique_ptr<StorageFile>> open(Context& ctx, std::string_view name, File::Mode mode) = 0;
  /// Replaces what `to` was, in one step.
  virtual Result<void> rename(Context& ctx, std::string_view from, std::string_view to) = 0;
  /// kNotFound: there is no such file.
  virtual Result<void> remove(Context& ctx, std::string_view name) = 0;
  /// Makes durable which names there are.
  virtual Result<void> sync_names(Context& ctx) = 0;
  /// Gives the folder back; afterwards nothing is called but the destructor.
  virtual void release() = 0;
  /// Bytes that nobody can guess. Never parks.
  virtual void fill_random(std::span<std::byte> into) = 0;
};

}  // namespace sluice::reservoir::internal
