// SPDX-License-Identifier: MIT
#include <apps/epro/client/publish.hpp>

#include <utility>

#include <sluice/http/status.hpp>

#include <apps/epro/record/study_json.hpp>

namespace epro {

using sluice::Code;
using sluice::Error;
namespace status = sluice::http::status;

sluice::Result<PublishedRevision> publish_study(sluice::Context& ctx, RetryingClient& sender, const Study& study) {
  sluice::http::Request request("PUT", "/v1/studies/" + study.oid, canonical_text(study));
  request.headers().add("content-type", "application/json");
  SLUICE_TRY(auto answer, sender.send(ctx, request).answer);
  if (answer.status == status::kOk) return read_revision(answer.body);
  Error refusal(answer.status == status::kConflict ? Code::kFailedPrecondition : Code::kInvalidArgument,
                "the server refused the study: " + describe_refusal(answer));
  return sluice::fail(std::move(refusal)
                          .because(answer.status == status::kConflict ? "study-in-use" : "refused")
                          .at(read_problem(answer).pointer));
}

}  // namespace epro
