// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace sluice::http {

/// How large the parts of an HTTP/1.1 message may be. What exceeds one is refused with its own reason and status.
struct H1Limits {
  /// RFC 9112 §3 asks for 8,000 octets at least.
  std::size_t start_line_bytes = 8192;
  /// One header field with its line end. What the large servers take; tokens and cookies fit.
  std::size_t field_line_bytes = 8192;
  /// Start line and fields together; bounds what a connection holds before anybody knows whose it is.
  std::size_t head_bytes = 32 * 1024;
  /// Apache's number. Browsers send some twenty.
  std::size_t field_count = 100;
  /// A chunk's size line. A size has 16 digits at most; the rest is extensions, which nobody uses.
  std::size_t chunk_line_bytes = 256;
  /// Extensions of all chunks of a body together, which else could outweigh the body.
  std::size_t chunk_extension_bytes = 4096;
  /// Trailer fields, which are checked and dropped.
  std::size_t trailer_bytes = 8192;
};

}  // namespace sluice::http
