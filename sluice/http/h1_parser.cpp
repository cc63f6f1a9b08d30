// SPDX-License-Identifier: MIT
//
// A head is taken line by line: start line, fields, empty line. Each line is judged when its end has come, never before,
// so that the verdict does not depend on how the bytes were split. What follows from several fields together (where the
// body ends, whether the connection goes on) is decided once, at the empty line.
#include <sluice/http/h1_parser.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

#include <sluice/http/internal/request_target.hpp>

namespace sluice::http {
namespace {

using internal::malformed;

constexpr std::size_t kVersionBytes = std::string_view("HTTP/1.1").size();

// ---- lines ----

// Takes the next line of a head. `head_bytes` counts what was taken, over all lines.
Result<internal::LineScanner::Line> next_line(internal::LineScanner& lines, std::string_view input,
                                              internal::LineLimit limit, const H1Limits& limits,
                                              std::size_t head_bytes) {
  std::size_t room = limits.head_bytes - std::min(limits.head_bytes, head_bytes);
  if (room < limit.bytes) limit = {room, "headers-too-large"};
  return lines.next(input, limit);
}

Result<void> take_field(std::string_view line, const H1Limits& limits, Headers& headers) {
  SLUICE_TRY(auto field, internal::parse_field_line(line));
  if (headers.size() == limits.field_count) return malformed("too-many-headers");
  headers.add(field.name, field.value);
  return {};
}

// ---- start lines ----

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// A higher minor version is spoken to as 1.1 (RFC 9110 §2.5).
Result<Version> parse_version(std::string_view text) {
  if (text.size() != kVersionBytes || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' ||
      !is_digit(text[7])) {
    return malformed("bad-version");
  }
  if (text[5] != '1') return malformed("version-not-supported");
  return text[7] == '0' ? Version::kHttp10 : Version::kHttp11;
}

Result<void> take_request_line(std::string_view line, Request& request) {
  std::size_t first = line.find(' ');
  std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return malformed("bad-request-line");
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (!internal::is_method(method)) return malformed("bad-method");
  SLUICE_TRY(Version version, parse_version(line.substr(last + 1)));
  if (!internal::is_target(target, method)) return malformed("bad-target");
  request.set_start_line(method, target, version);
  return {};
}

// "HTTP/1.1 200 OK"; the blank before an empty phrase may be missing, for many leave it out.
Result<Version> take_status_line(std::string_view line, Response& response) {
  SLUICE_TRY(Version version, parse_version(line.substr(0, kVersionBytes)));
  std::string_view rest = line.substr(kVersionBytes);
  bool is_sound = rest.size() >= 4 && rest[0] == ' ' && rest[1] != '0' && is_digit(rest[1]) && is_digit(rest[2]) &&
                  is_digit(rest[3]) && (rest.size() == 4 || rest[4] == ' ') && internal::is_field_text(rest);
  if (!is_sound) return malformed("bad-status-line");
  response.status = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
  return version;
}

// ---- what the fields mean together ----

// One look at each field gathers what the codec itself must know.
struct CodecFields {
  std::size_t host_count = 0;
  std::string_view host;
  std::size_t length_count = 0;
  std::string_view length;
  bool has_coding = false;
  std::size_t coding_count = 0;   // of all Transfer-Encoding fields together
  bool last_is_chunked = false;
  bool has_bad_option = false;    // a connection option that is no token
  bool has_close = false;
  bool has_keep_alive = false;
  std::optional<std::string_view> expectation;
};

void gather_codings(std::string_view list, CodecFields& fields) {
  fields.has_coding = true;
  for (std::string_view item; next_list_item(list, item);) {
    ++fields.coding_count;
    fields.last_is_chunked = equal_ignoring_case(item, "chunked");
  }
}

void gather_connection(std::string_view list, CodecFields& fields) {
  for (std::string_view item; next_list_item(list, item);) {
    fields.has_bad_option |= !internal::is_token(item);
    fields.has_close |= equal_ignoring_case(item, "close");
    fields.has_keep_alive |= equal_ignoring_case(item, "keep-alive");
  }
}

CodecFields gather(const Headers& headers) {
  CodecFields fields;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (equal_ignoring_case(name, "host")) {
      ++fields.host_count;
      fields.host = value;
    } else if (equal_ignoring_case(name, "content-length")) {
      ++fields.length_count;
      fields.length = value;
    } else if (equal_ignoring_case(name, "transfer-encoding")) {
      gather_codings(value, fields);
    } else if (equal_ignoring_case(name, "connection")) {
      gather_connection(value, fields);
    } else if (equal_ignoring_case(name, "expect")) {
      fields.expectation = value;
    }
  }
  return fields;
}

Result<std::uint64_t> parse_length(std::string_view digits) {
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return malformed("bad-content-length", "content-length");
  }
  return length;
}

// RFC 9112 §6.1–6.3. Both fields at once, or a length that stands there twice, is how requests are smuggled.
Result<H1Framing> explicit_framing(const CodecFields& fields, Version version) {
  if (fields.has_coding) {
    if (fields.length_count > 0) return malformed("length-and-coding", "content-length");
    if (version == Version::kHttp10 || !fields.last_is_chunked) {
      return malformed("bad-transfer-encoding", "transfer-encoding");
    }
    if (fields.coding_count > 1) return malformed("transfer-coding-unknown", "transfer-encoding");
    return H1Framing{H1Framing::Kind::kChunked, 0};
  }
  if (fields.length_count > 1) return malformed("duplicate-content-length", "content-length");
  if (fields.length_count == 0) return H1Framing{};
  SLUICE_TRY(std::uint64_t length, parse_length(fields.length));
  return H1Framing{H1Framing::Kind::kLength, length};
}

// RFC 9110 §7.6.1.
Result<bool> decide_keep_alive(const CodecFields& fields, Version version) {
  if (fields.has_bad_option) return malformed("bad-connection", "connection");
  return !fields.has_close && (version == Version::kHttp11 || fields.has_keep_alive);
}

Result<void> check_host(const CodecFields& fields, Version version) {
  if (fields.host_count > 1) return malformed("duplicate-host", "host");
  if (fields.host_count == 0 && version == Version::kHttp11) return malformed("missing-host", "host");
  if (!internal::is_host(fields.host)) return malformed("bad-host", "host");
  return {};
}

}  // namespace

// ---- requests ----

Result<H1Step> H1RequestParser::parse(std::string_view input, Request& request) {
  H1Step step;
  for (;;) {
    internal::LineLimit limit = has_start_line_
                                    ? internal::LineLimit{limits_.field_line_bytes, "header-too-long"}
                                    : internal::LineLimit{limits_.start_line_bytes, "request-line-too-long"};
    SLUICE_TRY(auto line, next_line(lines_, input, limit, limits_, head_bytes_));
    if (line.consumed == 0) return step;
    step.consumed += line.consumed;
    input.remove_prefix(line.consumed);
    if (line.text.empty() && has_start_line_) {
      SLUICE_TRY(finish(request));
      step.done = true;
      return step;
    }
    if (line.text.empty() && !skipped_empty_line_) {  // RFC 9112 §2.2: left over from the body before
      skipped_empty_line_ = true;
      continue;
    }
    head_bytes_ += line.consumed;
    SLUICE_TRY(take_line(line.text, request));
  }
}

Result<void> H1RequestParser::take_line(std::string_view line, Request& request) {
  if (has_start_line_) return take_field(line, limits_, request.headers());
  has_start_line_ = true;
  return take_request_line(line, request);
}

Result<void> H1RequestParser::finish(const Request& request) {
  CodecFields fields = gather(request.headers());
  SLUICE_TRY(check_host(fields, request.version()));
  SLUICE_TRY(framing_, explicit_framing(fields, request.version()));
  SLUICE_TRY(keeps_alive_, decide_keep_alive(fields, request.version()));
  if (fields.expectation && !equal_ignoring_case(*fields.expectation, "100-continue")) {
    return malformed("expectation-unknown", "expect");
  }
  // RFC 9110 §10.1.1: an HTTP/1.0 client would not understand the interim answer.
  expects_continue_ = fields.expectation.has_value() && request.version() == Version::kHttp11;
  return {};
}

void H1RequestParser::reset() { *this = H1RequestParser(limits_); }

// ---- responses ----

Result<H1Step> H1ResponseParser::parse(std::string_view input, Response& response) {
  H1Step step;
  for (;;) {
    internal::LineLimit limit = has_start_line_
                                    ? internal::LineLimit{limits_.field_line_bytes, "header-too-long"}
                                    : internal::LineLimit{limits_.start_line_bytes, "status-line-too-long"};
    SLUICE_TRY(auto line, next_line(lines_, input, limit, limits_, head_bytes_));
    if (line.consumed == 0) return step;
    step.consumed += line.consumed;
    input.remove_prefix(line.consumed);
    head_bytes_ += line.consumed;
    if (line.text.empty() && has_start_line_) {
      SLUICE_TRY(finish(response));
      step.done = true;
      return step;
    }
    SLUICE_TRY(take_line(line.text, response));
  }
}

Result<void> H1ResponseParser::take_line(std::string_view line, Response& response) {
  if (has_start_line_) return take_field(line, limits_, response.headers);
  has_start_line_ = true;
  SLUICE_TRY(version_, take_status_line(line, response));
  return {};
}

Result<void> H1ResponseParser::finish(const Response& response) {
  CodecFields fields = gather(response.headers);
  SLUICE_TRY(framing_, explicit_framing(fields, version_));
  if (answers_head_ || status::has_no_body(response.status)) {
    framing_ = {};
  } else if (!fields.has_coding && fields.length_count == 0) {
    framing_ = {H1Framing::Kind::kUntilClose, 0};
  }
  SLUICE_TRY(bool may_go_on, decide_keep_alive(fields, version_));
  keeps_alive_ = may_go_on && framing_.kind != H1Framing::Kind::kUntilClose;
  return {};
}

}  // namespace sluice::http
