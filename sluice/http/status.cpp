// SPDX-License-Identifier: MIT
#include <sluice/http/status.hpp>

namespace sluice::http::status {

std::string_view phrase(int status) noexcept {
  switch (status) {
    case kContinue: return "Continue";
    case kSwitchingProtocols: return "Switching Protocols";
    case kOk: return "OK";
    case kCreated: return "Created";
    case kAccepted: return "Accepted";
    case kNoContent: return "No Content";
    case kNotModified: return "Not Modified";
    case kBadRequest: return "Bad Request";
    case kUnauthorized: return "Unauthorized";
    case kForbidden: return "Forbidden";
    case kNotFound: return "Not Found";
    case kMethodNotAllowed: return "Method Not Allowed";
    case kRequestTimeout: return "Request Timeout";
    case kConflict: return "Conflict";
    case kLengthRequired: return "Length Required";
    case kPreconditionFailed: return "Precondition Failed";
    case kContentTooLarge: return "Content Too Large";
    case kUriTooLong: return "URI Too Long";
    case kUnsupportedMediaType: return "Unsupported Media Type";
    case kExpectationFailed: return "Expectation Failed";
    case kMisdirectedRequest: return "Misdirected Request";
    case kUnprocessableContent: return "Unprocessable Content";
    case kUpgradeRequired: return "Upgrade Required";
    case kTooManyRequests: return "Too Many Requests";
    case kHeaderFieldsTooLarge: return "Request Header Fields Too Large";
    case kClientClosedRequest: return "Client Closed Request";
    case kInternalServerError: return "Internal Server Error";
    case kNotImplemented: return "Not Implemented";
    case kBadGateway: return "Bad Gateway";
    case kServiceUnavailable: return "Service Unavailable";
    case kGatewayTimeout: return "Gateway Timeout";
    case kVersionNotSupported: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace sluice::http::status
