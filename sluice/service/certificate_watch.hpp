// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/net/tls_context.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::service {

/// Certificates end, and whoever renews them should not have to restart a service that has connections. Looks whether the
/// files of a TLS context have changed, and has it read them anew if so. What cannot be used is logged once, by its field,
/// and the old one stays; so files that are replaced one after the other settle with the last of them.
///
///   CertificateWatch watch(*tls, log);
///   group.go([&](Context& own) { return watch.run(own); });
///
/// Threads: one fiber. Lifetime: outlives run(); borrows both.
class CertificateWatch {
 public:
  /// Certificates are renewed days before they end; but whoever does it wants to see that it works.
  static constexpr Duration kLookEvery = std::chrono::seconds(10);

  CertificateWatch(net::TlsServerContext& tls, observe::Logger& log) : tls_(tls), log_(log) {}

  /// Looks every kLookEvery, in the runtime's time, until ctx ends; ok then.
  Result<void> run(Context& ctx);
  /// Looks once. The first time it reads them in any case: they may have changed since they were loaded.
  void look(Context& ctx);

 private:
  // What tells one content of a file from the next one; all zero if it cannot be looked at.
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed_s = 0, changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Stamps = std::array<Stamp, 3>;

  static Stamp stamp_of(const std::string& file);
  static Stamps stamps_of(const net::TlsServerOptions& files);

  net::TlsServerContext& tls_;
  observe::Logger& log_;
  std::optional<Stamps> seen_;  // nothing: it has not looked yet
};

}  // namespace sluice::service
