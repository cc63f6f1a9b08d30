// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sluice/base/spin_lock.hpp>
#include <sluice/observe/family.hpp>
#include <sluice/observe/metric.hpp>

namespace sluice::observe {

namespace internal {
class CallbackCell;
}

struct RegistryOptions {
  /// Copies of each counter, rounded up to a power of two; 0 = one a processor, at most 64.
  std::size_t shards = 0;
  /// Series of one family before the overflow series; each costs some hundred bytes a shard. 1,000 is what a scraper
  /// takes from one process without complaint, and more than the routes times statuses of a large service.
  std::size_t series_max = 1000;
};

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

/// One series as a scrape found it.
struct Sample {
  std::vector<std::string> label_values;
  std::variant<double, Histogram::Reading> value;
};

/// One metric as a scrape found it.
struct MetricSamples {
  std::string name;
  std::string help;
  MetricKind kind;
  std::vector<std::string> label_names;
  std::vector<double> bounds;  ///< of a histogram's buckets
  std::vector<Sample> samples;
};

/// Keeps a value visible to scrapes for as long as it exists; see Registry::gauge_callback.
/// Lifetime: the registry outlives it.
class [[nodiscard]] Callback {
 public:
  Callback() = default;
  Callback(Callback&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  Callback& operator=(Callback&& other) noexcept;
  /// After this the function is not called any more. May wait for a scrape that is calling it right now.
  ~Callback();

 private:
  friend class Registry;
  explicit Callback(internal::CallbackCell* cell) noexcept : cell_(cell) {}

  internal::CallbackCell* cell_ = nullptr;  // null: empty
};

/// All metrics of one program, by name. `main` makes one and hands it down; whoever counts registers at start and keeps
/// the reference:
///
///   Registry registry;
///   Counter& accepted = registry.counter("net_accepted_total", "Connections accepted.");
///   accepted.add();
///
/// Registering a name again gives the same metric, so two servers in one process share theirs. Requires, for all
/// functions here: names as Prometheus has them ([a-zA-Z_:][a-zA-Z0-9_:]*, labels without colon), and for a known name
/// the same kind, labels and bounds as before.
/// Threads: any. Lifetime: everything it returns lives as long as the registry.
class Registry {
 public:
  explicit Registry(RegistryOptions options = {});
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  [[nodiscard]] Counter& counter(std::string_view name, std::string_view help);
  [[nodiscard]] Gauge& gauge(std::string_view name, std::string_view help);
  /// Requires, here and below: `bounds` rise and are finite; the bucket for all above is added by itself.
  [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds);

  [[nodiscard]] CounterFamily& counter_family(std::string_view name, std::string_view help,
                                              std::vector<std::string> label_names);
  [[nodiscard]] GaugeFamily& gauge_family(std::string_view name, std::string_view help,
                                          std::vector<std::string> label_names);
  [[nodiscard]] HistogramFamily& histogram_family(std::string_view name, std::string_view help,
                                                  std::vector<std::string> label_names, std::vector<double> bounds);

  struct Label {
    std::string name;
    std::string value;
  };
  /// A value that is asked for when somebody looks: `read` is called at each scrape, by the scraping thread, under a
  /// spin lock: it loads a few atomics, and neither parks, blocks nor takes a lock of its own.
  /// Requires: no living callback with this name and these labels; no more than RegistryOptions::series_max of a name.
  Callback gauge_callback(std::string_view name, std::string_view help, std::function<double()> read,
                          std::vector<Label> labels = {});
  /// The same for a value that only rises.
  Callback counter_callback(std::string_view name, std::string_view help, std::function<double()> read,
                            std::vector<Label> labels = {});
  /// The same for counts that somebody else keeps. Requires: a reading has one count more than there are bounds.
  Callback histogram_callback(std::string_view name, std::string_view help, std::vector<double> bounds,
                              std::function<Histogram::Reading()> read, std::vector<Label> labels = {});

  /// Every metric with its series, sorted by name. Each number is exact, together they are not of one instant.
  [[nodiscard]] std::vector<MetricSamples> collect() const;

 private:
  struct Entry;

  template <class AnyFamily>
  AnyFamily& find_or_add(std::string_view name, std::string_view help, MetricKind kind,
                         std::vector<std::string> label_names, std::vector<double> bounds);
  Callback add_callback(std::string_view name, std::string_view help, MetricKind kind, std::vector<double> bounds,
                        std::function<std::variant<double, Histogram::Reading>()> read, std::vector<Label> labels);

  RegistryOptions options_;
  SpinLock add_lock_;
  // Newest entry of a list that only grows. Written under add_lock_, read by scrapes; publishes it and all older ones.
  std::atomic<Entry*> newest_{nullptr};
};

}  // namespace sluice::observe
