// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir::internal {

/// The folder itself, created if missing, ours alone until the storage goes: its file `lock` is held with flock, which the
/// kernel gives back however the process ends. kFailedPrecondition: another process, or another storage, has it.
Result<std::unique_ptr<Storage>> own_folder(Context& ctx, const std::filesystem::path& folder);

/// The folder without the lock, to read what is in it. Requires: nothing but list() and open() with kRead is called.
std::unique_ptr<Storage> look_into_folder(const std::filesystem::path& folder);

}  // namespace sluice::reservoir::internal
