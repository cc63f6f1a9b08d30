// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#pragma GCC diagnostic pop

#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/request.hpp>

namespace sluice::http {

// Two codecs read the same bytes: ours, and Boost.Beast as the oracle. For the differential test and for fuzz/.

inline constexpr std::size_t kOracleBodyMax = 1 << 16;

/// What a codec takes some bytes for; incomplete: it waits for more.
struct Understood {
  bool complete = false;
  std::size_t consumed = 0;
  std::string start;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  friend bool operator==(const Understood&, const Understood&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Understood& message) {
  out << (message.complete ? "complete, " : "incomplete, ") << message.consumed << " bytes: " << message.start;
  for (const auto& [name, value] : message.fields) out << " [" << name << "=" << value << "]";
  return out << " body '" << message.body << "'";
}

/// Beast puts fields of one name together, so only their order within a name can be compared.
inline void sort_fields(Understood& message) {
  auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  };
  std::stable_sort(message.fields.begin(), message.fields.end(),
                   [&](const auto& a, const auto& b) { return lower(a.first) < lower(b.first); });
}

/// Nothing: we refuse it.
inline std::optional<Understood> ours(std::string_view bytes) {
  Understood message;
  H1Limits limits;
  Request request;
  H1RequestParser parser(limits);
  auto head = parser.parse(bytes, request);
  if (!head) return std::nullopt;
  if (!head->done) return message;
  H1BodyDecoder decoder(parser.framing(), limits, kOracleBodyMax);
  auto body = decoder.decode(bytes.substr(head->consumed), &message.body);
  if (!body) return std::nullopt;
  if (!body->done) return Understood{};
  message.complete = true;
  message.consumed = head->consumed + body->consumed;
  message.start.append(request.method()).append(" ").append(request.target());
  for (std::size_t i = 0; i < request.headers().size(); ++i) {
    auto [name, value] = request.headers()[i];
    message.fields.emplace_back(name, value);
  }
  sort_fields(message);
  return message;
}

/// Nothing: Beast refuses it.
inline std::optional<Understood> beasts(std::string_view bytes) {
  boost::beast::http::request_parser<boost::beast::http::string_body> parser;
  parser.body_limit(kOracleBodyMax);
  parser.header_limit(1 << 16);
  Understood message;
  while (!parser.is_done()) {
    boost::system::error_code error;
    bool had_head = parser.is_header_done();
    std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(taken);
    message.consumed += taken;
    if (error == boost::beast::http::error::need_more) return Understood{};
    if (error) return std::nullopt;
    if (had_head || !parser.is_header_done()) continue;
    // Now, for later it adds the trailers, which we drop.
    for (const auto& field : parser.get()) message.fields.emplace_back(field.name_string(), field.value());
    parser.eager(true);
    if (bytes.empty() && !parser.is_done()) return Understood{};
  }
  message.complete = true;
  message.start = std::string(parser.get().method_string()) + " " + std::string(parser.get().target());
  message.body = parser.get().body();
  sort_fields(message);
  return message;
}

/// Where we take bytes for a request and Beast takes them for another, or for none: both readings; else nothing. What we
/// refuse or still wait for is nobody's concern: that way round a difference is harmless.
inline std::optional<std::string> disagreement(std::string_view bytes) {
  auto mine = ours(bytes);
  if (!mine || !mine->complete) return std::nullopt;
  // Beast takes only 1.0 and 1.1 for a version.
  std::size_t version = bytes.find(" HTTP/1.");
  if (version != bytes.npos && version + 8 < bytes.size() && bytes[version + 8] > '1') return std::nullopt;
  // RFC 9112 §2.2 lets one empty line pass before a request, Beast does not.
  std::size_t empty_line = bytes.starts_with("\r\n") ? 2 : 0;
  auto theirs = beasts(bytes.substr(empty_line));
  if (theirs) theirs->consumed += empty_line;
  if (theirs == mine) return std::nullopt;
  std::ostringstream text;
  text << "we: " << *mine << "\nBeast: ";
  if (theirs) {
    text << *theirs;
  } else {
    text << "refused";
  }
  return std::move(text).str();
}

}  // namespace sluice::http
