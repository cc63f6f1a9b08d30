// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/client/answers.hpp>
#include <apps/epro/client/retrying_client.hpp>
#include <apps/epro/record/study.hpp>

namespace epro {

/// A large study takes a server seconds. Who publishes sits before it: a server that is not there is said soon.
inline constexpr RetryOptions kPublishOptions{
    .connections = 1, .attempt_time = std::chrono::seconds(40), .patience = std::chrono::seconds(10)};

/// Publishes a study: PUT /v1/studies/{oid}. Doing so again changes nothing. Parks.
/// kFailedPrecondition `study-in-use`: something that may have data would vanish, or change its meaning; the error's field
/// is the list that lacks it. kInvalidArgument `refused`: another refusal, in words. Otherwise as Outcome::answer.
/// Requires: check(study) is ok.
[[nodiscard]] sluice::Result<PublishedRevision> publish_study(sluice::Context& ctx, RetryingClient& sender,
                                                              const Study& study);

}  // namespace epro
