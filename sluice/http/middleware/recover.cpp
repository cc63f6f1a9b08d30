// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/recover.hpp>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include <cxxabi.h>

#include <sluice/observe/log.hpp>

namespace sluice::http::middleware {
namespace {

std::string readable(const std::type_info& type) {
  int outcome = 0;
  std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &outcome),
                                                   &std::free);
  return outcome == 0 ? name.get() : type.name();
}

Response answer_exception(observe::Logger& log, const Request& request, const std::type_info* type) {
  std::string what = "the handler threw " + (type != nullptr ? readable(*type) : std::string("something"));
  log.error(what, {{"path", request.pattern()}});
  return to_response(Error(Code::kInternal, std::move(what)).because("exception"));
}

}  // namespace

Middleware recover(observe::Logger& log) {
  return [&log](Handler next) -> Handler {
    return [&log, next = std::move(next)](Context& ctx, Request& request) -> Response {
      // The handlers note the type and no more: nothing is done while an exception is being handled that could park.
      const std::type_info* type = nullptr;
      try {
        return next(ctx, request);
      } catch (const std::exception& thrown) {
        type = &typeid(thrown);
      } catch (...) {
        type = abi::__cxa_current_exception_type();
      }
      return answer_exception(log, request, type);
    };
  };
}

}  // namespace sluice::http::middleware
