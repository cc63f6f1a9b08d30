// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/close_code.hpp>

namespace sluice::http::websocket {

CloseCode close_code_of(const Error& error) noexcept {
  if (error.reason() == "too-large") return CloseCode::kTooBig;
  if (error.reason() == "overloaded") return CloseCode::kTryAgainLater;
  if (error.reason() == "bad-utf8") return CloseCode::kBadPayload;
  return CloseCode::kProtocolError;
}

}  // namespace sluice::http::websocket
