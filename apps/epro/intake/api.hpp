// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sluice/http/problem.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/worker_pool.hpp>

#include <apps/epro/intake/study_book.hpp>
#include <apps/epro/intake/submissions.hpp>
#include <apps/epro/intake/vitals.hpp>

namespace epro {

/// One item of POST /data/process, the article's endpoint.
struct HeartRate {
  std::string patientId;
  std::int64_t heartRate = 0;  ///< per minute
};

struct ApiOptions {
  std::string node;    ///< names this server in receipts
  std::string region;  ///< studies of another one are answered 421: their data does not belong here
  std::string seed;    ///< differs from start to start: the ids of readings come from it
};

/// The wire contract (api.md): what arrives as HTTP becomes a call of Submissions, Vitals or StudyBook, and what comes
/// back a response. Refusals are problems that name the field, never the value.
///
///   rest.post("/v1/studies/:study/submissions", [&](Context& ctx, const Request& r) { return api.submit(ctx, r); });
///
/// Threads: fibers. Lifetime: what it stands on outlives it; joins its pool's workers at the end.
class Api {
 public:
  /// Items of /data/process that are worked on at a time, of all requests together (the article's numWorkers).
  static constexpr std::size_t kWorkers = 5;

  Api(sluice::Context& ctx, StudyBook& studies, sluice::reservoir::Reservoir& reservoir, ApiOptions options);

  sluice::http::Response submit(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::http::Response submit_vitals(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::http::Response find_receipt(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::http::Response publish(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::http::Response process_data(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::http::Response limits() const;

 private:
  [[nodiscard]] sluice::http::Response refuse(sluice::Error why, const sluice::http::Request& request,
                                              std::size_t items_max = kVitalsItemsMax) const;
  [[nodiscard]] sluice::Result<std::shared_ptr<const PublishedStudy>> find_study(std::string_view oid) const;
  sluice::Result<ItemResult> take_heart_rate(sluice::Context& ctx, const HeartRate& reading);

  StudyBook& studies_;
  sluice::reservoir::Reservoir& reservoir_;
  Submissions submissions_;
  Vitals vitals_;
  const ApiOptions options_;
  std::atomic<std::uint64_t> readings_{0};  // written by every worker; a number of its own for each reading, no more
  sluice::WorkerPool<HeartRate, ItemResult> pool_;
};

/// The largest study that may be published, in bytes: 100,000 patients and some.
inline constexpr std::size_t kStudyBytesMax = std::size_t{16} << 20;

}  // namespace epro
