// SPDX-License-Identifier: MIT
#include <sluice/http/h1_writer.hpp>

#include <array>
#include <charconv>
#include <initializer_list>

namespace sluice::http {
namespace {

constexpr std::string_view kCodecFields[] = {"content-length", "transfer-encoding", "connection", "date"};

bool is_codec_field(std::string_view name) noexcept {
  for (std::string_view field : kCodecFields) {
    if (equal_ignoring_case(name, field)) return true;
  }
  return false;
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), end);
}

void append_all(std::string& out, std::initializer_list<std::string_view> parts) {
  for (std::string_view part : parts) out.append(part);
}

void append_fields(std::string& out, const Headers& headers) {
  bool is_clean = true;
  for (std::size_t i = 0; i < headers.size(); ++i) is_clean = is_clean && !is_codec_field(headers[i].name);
  if (is_clean) {
    out.append(headers.text());
    return;
  }
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (!is_codec_field(name)) append_all(out, {name, ": ", value, "\r\n"});
  }
}

void append_length(std::string& out, std::size_t length) {
  out.append("Content-Length: ");
  append_number(out, length);
  out.append("\r\n");
}

// A method whose request is expected to have a body says so also if it is empty (RFC 9110 §8.6).
bool announces_empty_body(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

void append_reply_head(std::string& out, const Response& response, const Headers& more, const ReplyFacts& facts) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(response.status));
  append_all(out, {" ", status::phrase(response.status), "\r\nDate: ", facts.date, "\r\n"});
  append_fields(out, response.headers);
  append_fields(out, more);
  if (facts.body == ReplyFacts::Body::kLength) append_length(out, response.body.size());
  if (facts.body == ReplyFacts::Body::kChunked) out.append("Transfer-Encoding: chunked\r\n");
  if (facts.closes) {
    out.append(facts.upgrades ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n");
  } else if (facts.upgrades) {
    out.append("Connection: Upgrade\r\n");
  } else if (facts.version == Version::kHttp10 || facts.keeps_alive_aloud) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void append_request_head(std::string& out, const Request& request, std::string_view authority, const Headers& more) {
  append_all(out, {request.method(), " ", request.target(), " HTTP/1.1\r\n"});
  if (!request.headers().find("host")) append_all(out, {"Host: ", authority, "\r\n"});
  append_fields(out, request.headers());
  append_fields(out, more);
  if (request.headers().find("upgrade")) out.append("Connection: Upgrade\r\n");
  if (!request.body().empty() || announces_empty_body(request.method())) append_length(out, request.body().size());
  out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  append_number(out, piece.size(), 16);
  append_all(out, {"\r\n", piece, "\r\n"});
}

}  // namespace sluice::http
