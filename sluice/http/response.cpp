// SPDX-License-Identifier: MIT
#include <sluice/http/response.hpp>

#include <utility>

namespace sluice::http {

Response Response::empty(int status) {
  Response response;
  response.status = status;
  return response;
}

Response Response::with_type(std::string_view content_type, std::string body, int status) {
  Response response = empty(status);
  response.headers.add("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

Response Response::text(std::string body, int status) { return with_type(kTextType, std::move(body), status); }

Response Response::json_text(std::string json, int status) { return with_type(kJsonType, std::move(json), status); }

Response Response::streamed(std::string_view content_type, Stream stream, int status) {
  Response response = with_type(content_type, {}, status);
  response.stream = std::move(stream);
  return response;
}

}  // namespace sluice::http
