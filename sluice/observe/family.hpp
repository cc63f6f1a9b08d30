// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/spin_lock.hpp>
#include <sluice/observe/metric.hpp>

namespace sluice::observe {

/// One metric split by labels, a series for each set of label values that has been seen. Label values may come from
/// outside, so there is a bound: the sets that come after it share one series whose labels all read "overflow".
///
///   auto& requests = registry.counter_family("http_server_requests_code_total", "…", {"path", "method", "code"});
///   requests.with({"/ping", "GET", "200"}).add();
///
/// A label value that no scraper could read (not UTF-8) or that is longer than kLabelBytesMax counts as overflow too.
/// Never give a label a value from a payload.
/// Threads: any. Finding a known set takes no lock; the first use of a set takes a short one.
/// Lifetime: what with() returns lives as long as the family.
template <class Metric>
class Family {
 public:
  struct Series {
    std::uint64_t hash;
    std::vector<std::string> values;
    Metric metric;
  };

  // Longest path pattern or peer name that makes sense on a dashboard, doubled.
  static constexpr std::size_t kLabelBytesMax = 256;

  /// Requires: series_max > 0.
  Family(std::vector<std::string> label_names, MetricLayout layout, std::size_t series_max);
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family();

  /// The series of these values, in the order of label_names(). Never parks, never fails.
  /// Requires: as many values as label names.
  [[nodiscard]] Metric& with(std::span<const std::string_view> values);
  [[nodiscard]] Metric& with(std::initializer_list<std::string_view> values) {
    return with(std::span(values.begin(), values.size()));
  }

  /// All series so far, sorted by label values; the overflow series last, and only if it was ever needed.
  [[nodiscard]] std::vector<const Series*> series() const;
  [[nodiscard]] const std::vector<std::string>& label_names() const noexcept { return label_names_; }
  [[nodiscard]] const MetricLayout& layout() const noexcept { return layout_; }

 private:
  [[nodiscard]] Metric& add_series(std::uint64_t hash, std::span<const std::string_view> values);
  [[nodiscard]] Metric& overflow() noexcept;

  std::vector<std::string> label_names_;
  MetricLayout layout_;
  std::size_t series_max_;

  // Open addressing with linear probing. A slot goes from null to a series once and then never changes, and at most
  // half are taken, so a search ends at its series or at a null without a lock.
  std::size_t slot_mask_;
  std::unique_ptr<std::atomic<Series*>[]> slots_;  // written under insert_lock_, read by all; publishes the series

  SpinLock insert_lock_;
  std::atomic<std::size_t> size_{0};  // written under insert_lock_; read without it to leave a full family alone

  Series overflow_;
  std::atomic<bool> overflowed_{false};  // set by with(), read by series(); publishes nothing
};

using CounterFamily = Family<Counter>;
using GaugeFamily = Family<Gauge>;
using HistogramFamily = Family<Histogram>;

extern template class Family<Counter>;
extern template class Family<Gauge>;
extern template class Family<Histogram>;

}  // namespace sluice::observe
