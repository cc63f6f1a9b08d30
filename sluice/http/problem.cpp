// SPDX-License-Identifier: MIT
#include <sluice/http/problem.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace sluice::http {
namespace {

// Nobody waits longer than a day because we said so; a limiter's "never" ends here too.
constexpr Duration kRetryAfterMax = std::chrono::hours(24);

struct ReasonStatus {
  std::string_view reason;
  int status;
};

// Reasons whose status is not that of their code. The first ones come from the codec, the others from the wire contract
// of services. Whatever is not here goes by its code.
constexpr std::array kReasons = {
    ReasonStatus{"request-line-too-long", status::kUriTooLong},
    ReasonStatus{"header-too-long", status::kHeaderFieldsTooLarge},
    ReasonStatus{"headers-too-large", status::kHeaderFieldsTooLarge},
    ReasonStatus{"too-many-headers", status::kHeaderFieldsTooLarge},
    ReasonStatus{"version-not-supported", status::kVersionNotSupported},
    ReasonStatus{"transfer-coding-unknown", status::kNotImplemented},
    ReasonStatus{"expectation-unknown", status::kExpectationFailed},
    ReasonStatus{"slow-head", status::kRequestTimeout},
    ReasonStatus{"slow-body", status::kRequestTimeout},
    ReasonStatus{"too-large", status::kContentTooLarge},
    ReasonStatus{"unsupported-media-type", status::kUnsupportedMediaType},
    ReasonStatus{"upgrade-required", status::kUpgradeRequired},
    ReasonStatus{"wrong-region", status::kMisdirectedRequest},
    ReasonStatus{"reservoir-full", status::kServiceUnavailable},
    ReasonStatus{"not-writable", status::kServiceUnavailable},
    ReasonStatus{"overloaded", status::kServiceUnavailable},
    ReasonStatus{"timeout", status::kServiceUnavailable},
};

struct CodeAnswer {
  int status;
  std::string_view name;
};

CodeAnswer answer_of(Code code) noexcept {
  switch (code) {
    case Code::kCancelled: return {status::kClientClosedRequest, "cancelled"};
    case Code::kInvalidArgument: return {status::kBadRequest, "invalid-argument"};
    case Code::kDeadlineExceeded: return {status::kGatewayTimeout, "deadline-exceeded"};
    case Code::kNotFound: return {status::kNotFound, "not-found"};
    case Code::kAlreadyExists: return {status::kConflict, "already-exists"};
    case Code::kPermissionDenied: return {status::kForbidden, "forbidden"};
    case Code::kResourceExhausted: return {status::kTooManyRequests, "resource-exhausted"};
    case Code::kFailedPrecondition: return {status::kBadRequest, "failed-precondition"};
    case Code::kAborted: return {status::kConflict, "aborted"};
    case Code::kOutOfRange: return {status::kBadRequest, "out-of-range"};
    case Code::kUnimplemented: return {status::kNotImplemented, "unimplemented"};
    case Code::kUnavailable: return {status::kServiceUnavailable, "unavailable"};
    case Code::kUnauthenticated: return {status::kUnauthorized, "unauthenticated"};
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss: break;
  }
  return {status::kInternalServerError, "internal"};
}

// A JSON string (RFC 8259 §7). A pointer may hold any name of the client's; what is not ASCII is left out of it, for it
// need not be UTF-8.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back('"');
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 0xF]});
    } else if (byte < 0x80) {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  append_string(out.append(out.size() > 1 ? "," : ""), name);
  append_string(out.append(":"), text);
}

void append_member(std::string& out, std::string_view name, std::uint64_t number) {
  append_string(out.append(out.size() > 1 ? "," : ""), name);
  out.append(":").append(std::to_string(number));
}

std::string to_json(const Problem& problem) {
  std::string out = "{";
  // RFC 9457 §4.2.1: the type of a problem that its status and code say all about.
  append_member(out, "type", "about:blank");
  append_member(out, "title", problem.title.empty() ? status::phrase(problem.status) : problem.title);
  append_member(out, "status", static_cast<std::uint64_t>(problem.status));
  append_member(out, "code", problem.code);
  if (!problem.pointer.empty()) append_member(out, "pointer", problem.pointer);
  if (problem.limit) append_member(out, "limit", *problem.limit);
  return out.append("}");
}

bool must_say_when(int code) noexcept {
  return code == status::kTooManyRequests || code == status::kServiceUnavailable;
}

// At least one second: "at once" is what brought us here.
std::string retry_after_text(Duration length) {
  Duration wait = std::clamp<Duration>(length, std::chrono::seconds(1), kRetryAfterMax);
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

}  // namespace

Problem problem_of(const Error& error) {
  CodeAnswer answer = answer_of(error.code());
  Problem problem{.status = answer.status, .code = std::string(answer.name), .pointer = std::string(error.field())};
  if (answer.status == status::kInternalServerError) {  // what is wrong with us is nobody else's business
    problem.pointer.clear();
    return problem;
  }
  if (error.reason().empty()) return problem;
  problem.code = error.reason();
  auto known = std::find_if(kReasons.begin(), kReasons.end(),
                            [&](const ReasonStatus& each) { return each.reason == error.reason(); });
  if (known != kReasons.end()) problem.status = known->status;
  return problem;
}

Response to_response(const Problem& problem) {
  Response response = Response::with_type(kProblemType, to_json(problem), problem.status);
  if (problem.retry_after || must_say_when(problem.status)) {
    response.headers.add("Retry-After", retry_after_text(problem.retry_after.value_or(kRetryAfterDefault)));
  }
  return response;
}

Response to_response(Error error) {
  Response response = to_response(problem_of(error));
  response.cause = std::move(error);
  return response;
}

}  // namespace sluice::http
