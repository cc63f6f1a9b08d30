// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/http/handler.hpp>

namespace sluice::http::middleware {

struct CompressOptions {
  /// Below it a reply fits into a packet or two anyway.
  std::size_t bytes_min = 1024;
  /// zlib's, 1 to 9. The first is three times as fast as the usual 6 and leaves a tenth more.
  int level = 1;
};

/// Packs replies with gzip for clients that accept it (RFC 9110 §12.5.3): texts, JSON and XML of some size, if that makes them
/// smaller. Left alone are streams, which would have to wait for more before anything leaves; what is encoded already, is a
/// part of something (206), or says `no-transform`. All that might have been packed say `Vary: Accept-Encoding`; a strong ETag
/// becomes a weak one, for the bytes differ.
/// Not for pages in which a secret stands beside what a stranger can choose: its length would give the secret away, guess by
/// guess (BREACH, 2013). JSON answers to programs that send their token in a header are none of those.
/// Memory: up to 256 KiB while a reply is being packed. Threads: a long one yields if asked.
/// Requires: 1 <= level <= 9.
[[nodiscard]] Middleware compress(CompressOptions options);

}  // namespace sluice::http::middleware
