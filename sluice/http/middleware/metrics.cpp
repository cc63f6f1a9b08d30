// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/metrics.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/observe/registry.hpp>

namespace sluice::http::middleware {
namespace {

// A route's replies have few statuses. So the series of each is looked up once, and remembered in a place that goes by the
// status; who meets another in his place looks it up each time.
// Threads: any.
class RouteMetrics {
 public:
  RouteMetrics(observe::HistogramFamily& durations, observe::CounterFamily& codes) : durations_(durations), codes_(codes) {}
  RouteMetrics(const RouteMetrics&) = delete;
  RouteMetrics& operator=(const RouteMetrics&) = delete;
  ~RouteMetrics() {
    for (auto& place : places_) delete place.load(std::memory_order_relaxed);  // relaxed: nobody else is here any more
  }

  void count(std::string_view pattern, std::string_view method, int status, std::chrono::milliseconds elapsed) {
    std::atomic<const Series*>& place = places_[static_cast<std::size_t>(status) % kPlaces];
    // acquire: pairs with the release below.
    const Series* known = place.load(std::memory_order_acquire);
    if (known != nullptr && known->is_of(pattern, method, status)) return known->add(elapsed);
    auto found = std::make_unique<Series>(find(pattern, method, status));
    found->add(elapsed);
    const Series* empty = nullptr;
    // release: who finds it finds it complete.
    if (place.compare_exchange_strong(empty, found.get(), std::memory_order_release, std::memory_order_relaxed))
      static_cast<void>(found.release());
  }

 private:
  static constexpr std::size_t kPlaces = 16;

  struct Series {
    std::string pattern;
    std::string method;
    int status;
    observe::Histogram& durations;
    observe::Counter& codes;

    bool is_of(std::string_view a_pattern, std::string_view a_method, int a_status) const noexcept {
      return status == a_status && method == a_method && pattern == a_pattern;
    }
    void add(std::chrono::milliseconds elapsed) const noexcept {
      durations.observe(static_cast<double>(elapsed.count()));
      codes.add();
    }
  };

  Series find(std::string_view pattern, std::string_view method, int status) {
    std::array<char, 12> digits;
    auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), status);
    std::string_view code(digits.data(), end);
    return {std::string(pattern), std::string(method), status, durations_.with({pattern, method, code}),
            codes_.with({pattern, method, code})};
  }

  observe::HistogramFamily& durations_;
  observe::CounterFamily& codes_;
  std::array<std::atomic<const Series*>, kPlaces> places_{};  // each written once
};

}  // namespace

Middleware metrics(observe::Registry& registry, Clock& clock) {
  auto& durations = registry.histogram_family("http_server_requests_duration_ms",
                                              "http server requests duration(ms).", {"path", "method", "code"},
                                              {5, 10, 25, 50, 100, 250, 500, 750, 1000});
  auto& codes = registry.counter_family("http_server_requests_code_total", "http server requests error count.",
                                        {"path", "method", "code"});
  return [&durations, &codes, &clock](Handler next) -> Handler {
    // shared_ptr: a handler may be copied.
    return [route = std::make_shared<RouteMetrics>(durations, codes), &clock, next = std::move(next)](Context& ctx,
                                                                                                    Request& request) {
      Instant begun = request.begun(clock);
      Response response = next(ctx, request);
      auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(response.made_at(clock) - begun);
      route->count(request.pattern(), method_label(request.method()), response.status, elapsed);
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
