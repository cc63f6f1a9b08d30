// SPDX-License-Identifier: MIT
#include <sluice/http/internal/handshakes.hpp>

#include <string_view>
#include <utility>

#include <sluice/http/internal/refused_total.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>

namespace sluice::http::internal {

Handshakes::Handshakes(const net::TlsServerContext& tls, Context& accepting, Duration time, const ServerParts& parts)
    : tls_(tls), accepting_(accepting), time_(time), clock_(parts.clock), log_(parts.log),
      refused_(refused_total(parts.metrics)) {}

Result<std::unique_ptr<net::TlsStream>> Handshakes::make(std::unique_ptr<net::Stream> stream) {
  Context limited(accepting_, time_);
  auto secured = net::tls_accept(limited, std::move(stream), tls_);
  if (!secured && !accepting_.is_cancelled()) tell(secured.error());
  return secured;
}

void Handshakes::tell(const Error& why) {
  std::string_view reason = why.reason();
  if (why.code() == Code::kDeadlineExceeded) reason = "slow-handshake";
  if (reason.empty()) reason = "handshake";  // a reset, or the like
  refused_.with({reason}).add();
  if (auto held_back = lines_.pass(clock_.now()))
    log_.info("[HTTP] handshake failed", {{"reason", reason}, {"detail", why.detail()}, {"held_back", *held_back}});
}

}  // namespace sluice::http::internal
