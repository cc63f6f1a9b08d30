// SPDX-License-Identifier: MIT
#include <sluice/http/handler.hpp>

#include <utility>

namespace sluice::http {

Handler wrap(const Chain& chain, Handler handler) {
  for (auto each = chain.rbegin(); each != chain.rend(); ++each) handler = (*each)(std::move(handler));
  return handler;
}

Middleware combine(Chain chain) {
  return [chain = std::move(chain)](Handler handler) { return wrap(chain, std::move(handler)); };
}

}  // namespace sluice::http
