// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/study.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

/// The study that a burst submits to; nobody else should.
inline constexpr std::string_view kBurstStudy = "BURST";
/// Twice the largest cohort of clinical.md §1.2. The study goes over the wire as one document of some 100 bytes each.
inline constexpr std::size_t kBurstPatientsMax = 100'000;

/// The study with so many patients, always the same ones: a larger study has those of a smaller one.
/// Requires: patients <= kBurstPatientsMax.
[[nodiscard]] Study burst_study(std::size_t patients);

/// The reports of one run: each patient's evening diary, one each. The same run makes the same reports, byte for byte, so
/// what was sent can be made again instead of being kept.
/// Threads: as any value.
class DiaryRun {
 public:
  /// `name` makes submission and device ids its own, and decides what is answered; `start` is the phones' time then.
  /// Requires: a name of letters, digits and hyphens.
  DiaryRun(std::string name, sluice::WallTime start) : name_(std::move(name)), start_(start) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The device ids of this run, and no others, begin with it.
  [[nodiscard]] std::string device_prefix() const;
  [[nodiscard]] Uuid submission_id(std::size_t patient) const;
  /// The body of the submission that the patient finalises so long after the start. Requires: patient < kBurstPatientsMax.
  [[nodiscard]] std::string report(std::size_t patient, sluice::Duration after_start) const;

 private:
  std::string name_;
  sluice::WallTime start_;
};

}  // namespace epro
