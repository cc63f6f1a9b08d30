// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/semaphore.hpp>

#include <apps/epro/record/study.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

/// A study as it stands, with what makes finding in it cheap. Never changes: a publication makes a new one.
class PublishedStudy {
 public:
  PublishedStudy(Study study, std::uint64_t revision);

  [[nodiscard]] const Study& study() const noexcept { return study_; }
  /// Counts publications that changed something, from 1.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }
  /// Null: nobody of this id takes part.
  [[nodiscard]] const Patient* find_patient(const Uuid& id) const noexcept;

 private:
  const Study study_;
  const std::uint64_t revision_;
  std::unordered_map<Uuid, const Patient*> patients_;  // into study_
};

/// What a publication came to.
struct Publication {
  std::uint64_t revision = 0;
  std::vector<std::string> changes = {};  ///< for people; empty: it said what was known already
};

/// The studies that may be reported to. They are needed on the acknowledged path, so they are kept in memory and in small
/// files of their own beside the journal, never looked up in the database.
///
///   SLUICE_TRY(auto book, StudyBook::open(ctx, "var/studies", reservoir));
///   if (auto study = book->find("DEMO")) ...
///
/// Publishing writes the file, then a record into the reservoir, from which the store learns of it, and only then lets
/// reports in by the new definition: so the store meets every study before its reports.
/// Threads: fibers. Lifetime: the reservoir outlives it; what find() gives lives on its own.
class StudyBook {
 public:
  /// Reads what was published, and journals again what a crash kept from the journal. kDataLoss names the file that
  /// is no study.
  static sluice::Result<std::unique_ptr<StudyBook>> open(sluice::Context& ctx, std::filesystem::path folder,
                                                         sluice::reservoir::Reservoir& reservoir);

  /// Null: there is no such study.
  // shared_ptr: the book, until the next publication, and every request that is using it.
  [[nodiscard]] std::shared_ptr<const PublishedStudy> find(std::string_view oid) const;

  /// kInvalidArgument `invalid-study`: also for an acknowledgement policy that is not kept here; kFailedPrecondition with the part at fault: something would vanish that may have
  /// data; the errors of Reservoir::append.
  sluice::Result<Publication> publish(sluice::Context& ctx, Study study);

 private:
  StudyBook(std::filesystem::path folder, sluice::reservoir::Reservoir& reservoir)
      : folder_(std::move(folder)), reservoir_(reservoir) {}

  sluice::Result<void> load(sluice::Context& ctx, const std::filesystem::path& file);
  sluice::Result<void> establish(sluice::Context& ctx, const Study& study, std::uint64_t& revision);
  void show(Study study, std::uint64_t revision);

  const std::filesystem::path folder_;
  sluice::reservoir::Reservoir& reservoir_;
  sluice::Semaphore publishing_{1};  // one publication at a time: each is compared with the one before
  mutable sluice::Mutex mutex_{sluice::LockRank::kProgram};
  std::map<std::string, std::shared_ptr<const PublishedStudy>, std::less<>> studies_;  // guarded by mutex_
};

}  // namespace epro
