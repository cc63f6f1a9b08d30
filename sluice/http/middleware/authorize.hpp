// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/clock.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/jwt.hpp>

namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// Lets requests pass that carry a token which `verifier` takes: `Authorization: Bearer TOKEN`, or the token alone, as
/// go-zero does. Its claims travel with the context, under kClaimsKey. All others get 401 `unauthenticated` with
/// WWW-Authenticate (RFC 6750 §3), which does not say what is wrong with the token; the log does, by reason and once a second at
/// most, and so does http_server_refused_total{reason}. Two Authorization fields are one too many.
/// Lifetime: metrics, log and clock outlive it. Source: go-zero rest/handler/authhandler.go, but without the request in the log.
[[nodiscard]] Middleware authorize(JwtVerifier verifier, observe::Registry& metrics, observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
