// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/http/headers.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>

namespace sluice::http {

/// What the connection has to say about a reply, beside the handler.
struct ReplyFacts {
  /// How the body is delimited. kNone: there is none and no field says so (1xx, 204, 304).
  enum class Body : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

  Body body = Body::kLength;
  bool closes = false;
  bool keeps_alive_aloud = false;  ///< says `keep-alive` also where HTTP/1.1 means it anyway
  bool upgrades = false;           ///< its field Upgrade is meant (RFC 9110 §7.8)
  Version version = Version::kHttp11;  ///< the client's
  std::string_view date = {};          ///< borrowed for the call
};

/// Puts the head of a reply at the end of `out`. Fields that are the codec's business (Content-Length,
/// Transfer-Encoding, Connection, Date) are left out of what the response brings; `more` follows the response's own.
void append_reply_head(std::string& out, const Response& response, const Headers& more, const ReplyFacts& facts);

/// Puts the head of a request at the end of `out`; its body, if any, follows as it is. Host is `authority` unless the
/// request brings one; Connection names Upgrade if that is there; `more` follows the request's own fields.
void append_request_head(std::string& out, const Request& request, std::string_view authority, const Headers& more);

/// One chunk of a chunked body. Nothing for an empty piece, which would end the body.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

inline constexpr std::string_view kContinueReply = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace sluice::http
