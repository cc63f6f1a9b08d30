// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/schema/fields.hpp>

namespace sluice::http::middleware {

/// Which parts of the default chain there are: go-zero's section `Middlewares`, with its keys. All are on; one that is off
/// takes its protection with it, and what stands behind it stays.
struct Switches {
  bool trace = true;
  bool log = true;
  bool prometheus = true;
  bool max_conns = true;
  bool breaker = true;
  bool shedding = true;
  bool timeout = true;
  bool recover = true;
  bool max_bytes = true;  ///< off: the server's budget for all bodies is the only limit
  bool gunzip = true;
  friend bool operator==(const Switches&, const Switches&) noexcept = default;
};

inline const schema::Fields<Switches>& sluice_fields(const Switches*) {
  using schema::field;
  static const schema::Fields<Switches> kFields = {
      field("Trace", &Switches::trace).optional(),       field("Log", &Switches::log).optional(),
      field("Prometheus", &Switches::prometheus).optional(), field("MaxConns", &Switches::max_conns).optional(),
      field("Breaker", &Switches::breaker).optional(),   field("Shedding", &Switches::shedding).optional(),
      field("Timeout", &Switches::timeout).optional(),   field("Recover", &Switches::recover).optional(),
      field("MaxBytes", &Switches::max_bytes).optional(), field("Gunzip", &Switches::gunzip).optional(),
  };
  return kFields;
}

}  // namespace sluice::http::middleware
