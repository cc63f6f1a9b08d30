// SPDX-License-Identifier: MIT
#include <sluice/http/h2_connection.hpp>

#include <sluice/http/internal/h2_session.hpp>

namespace sluice::http {

void H2Connection::serve(net::Stream& stream, const H2Service& service, Context& ctx, Context& accepting,
                         std::string_view first_bytes) {
  internal::H2Session(stream, service, ctx, accepting).serve(first_bytes);
}

}  // namespace sluice::http
