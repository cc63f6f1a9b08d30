// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include <sluice/http/headers.hpp>

namespace sluice::http::internal {

/// The fields of a head or trailer of ours in the form in which nghttp2 takes them: names in lower case, without those that
/// belong to a connection (RFC 9113 §8.2.2) or are the codec's business (Content-Length, Date).
/// Threads: one.
class H2Fields {
 public:
  /// Requires: `name` is in lower case.
  void add(std::string_view name, std::string_view value);
  void add_all(const Headers& headers);

  /// Good until it changes.
  [[nodiscard]] const std::vector<nghttp2_nv>& values();

 private:
  struct Entry {
    std::size_t name_size;
    std::size_t value_size;
  };

  std::string text_;  // name and value of one after the other
  std::vector<Entry> entries_;
  std::vector<nghttp2_nv> values_;
};

}  // namespace sluice::http::internal
