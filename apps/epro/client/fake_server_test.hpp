// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/http/client.hpp>
#include <sluice/http/h1_connection.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/net/memory_stream.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace epro {

/// A server without a network, for tests in virtual time: the real codec on both sides, and a handler that does what the
/// test wants. Lifetime: its clients are gone at its end.
class FakeServer {
 public:
  FakeServer(sluice::Context& ctx, sluice::http::Handler handler)
      : open_(ctx), service_{.options = {},
                             .handler = std::move(handler),
                             .clock = sluice::runtime_clock(),
                             .refusals = refusals_,
                             .bodies = nullptr,
                             .requests = open_,
                             .accepting = open_,
                             .on_closed = [this] { running_.done(); }} {}
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() {
    open_.cancel();
    sluice::Context patience;
    static_cast<void>(running_.wait(patience));
  }

  [[nodiscard]] sluice::http::Dialer dialer() {
    return [this](sluice::Context&) -> sluice::Result<std::unique_ptr<sluice::net::Stream>> {
      ++connections_;
      auto [client_end, server_end] = sluice::net::memory_pair(kCapacity);
      running_.add();
      auto started = sluice::http::H1Connection::start(std::move(server_end), service_);
      if (!started) running_.done();
      SLUICE_TRY(std::move(started));
      return std::move(client_end);
    };
  }
  /// How often somebody has connected.
  [[nodiscard]] std::size_t connections() const { return connections_; }

  /// An answer that breaks off in the middle: whoever gets it does not know what became of the request.
  static sluice::http::Response broken_off() {
    return sluice::http::Response::streamed("application/json", [](sluice::Context&, sluice::http::BodyWriter&) {
      return sluice::Result<void>(sluice::fail(sluice::Code::kInternal, "the test pulls the plug"));
    });
  }

 private:
  static constexpr std::size_t kCapacity = 64 * 1024;

  struct NoRefusals final : sluice::http::RefusalObserver {
    void on_refusal(int, const sluice::Error&) noexcept override {}
  };

  NoRefusals refusals_;
  sluice::Context open_;
  sluice::http::H1Service service_;
  std::size_t connections_ = 0;
  sluice::WaitGroup running_;
};

}  // namespace epro
