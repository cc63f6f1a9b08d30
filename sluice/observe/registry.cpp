// SPDX-License-Identifier: MIT
#include <sluice/observe/registry.hpp>

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <mutex>
#include <type_traits>

#include <sluice/base/assert.hpp>
#include <sluice/observe/internal/callback_cell.hpp>

namespace sluice::observe {

extern template class Family<internal::CallbackCell>;  // in family.cpp, with the others

namespace {

using CallbackFamily = Family<internal::CallbackCell>;

// Beyond this a counter's copies cost more than the contention that they avoid.
constexpr std::size_t kShardsMax = 64;

std::size_t shards_for(std::size_t wanted) noexcept {
  // Configured rather than online: the number of the processor that runs us may be any of them.
  if (wanted == 0) wanted = static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
  return std::min(std::bit_ceil(wanted), kShardsMax);
}

bool is_word(std::string_view name, bool colon_allowed) noexcept {
  auto is_part = [=](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon_allowed && c == ':');
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, is_part);
}

// Names starting with two underscores are Prometheus' own, and "le" is a histogram's.
bool is_label_name(std::string_view name, MetricKind kind) noexcept {
  return is_word(name, false) && !name.starts_with("__") && !(kind == MetricKind::kHistogram && name == "le");
}

template <class Metric>
std::variant<double, Histogram::Reading> value_of(const Metric& metric) {
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return metric.read();
  } else {
    return static_cast<double>(metric.value());
  }
}

template <class Metric>
std::vector<Sample> samples_of(const Family<Metric>& family) {
  std::vector<Sample> samples;
  for (const auto* series : family.series()) {
    if constexpr (std::is_same_v<Metric, internal::CallbackCell>) {
      if (auto value = series->metric.value()) samples.emplace_back(series->values, *value);
    } else {
      samples.emplace_back(series->values, value_of(series->metric));
    }
  }
  return samples;
}

}  // namespace

// A node of the registry's list. It never moves and never goes, so that references into it stay good.
struct Registry::Entry {
  template <class AnyFamily>
  Entry(std::in_place_type_t<AnyFamily> type, std::string_view its_name, std::string_view its_help, MetricKind its_kind,
        std::vector<std::string> label_names, MetricLayout layout, std::size_t series_max)
      : name(its_name),
        help(its_help),
        kind(its_kind),
        family(type, std::move(label_names), std::move(layout), series_max) {}

  std::string name;
  std::string help;
  MetricKind kind;
  std::variant<CounterFamily, GaugeFamily, HistogramFamily, CallbackFamily> family;
  Entry* older = nullptr;  // set before the entry is published
};

Registry::Registry(RegistryOptions options) : options_(options) { options_.shards = shards_for(options.shards); }

Registry::~Registry() {
  for (Entry* entry = newest_.load(); entry != nullptr;) delete std::exchange(entry, entry->older);
}

template <class AnyFamily>
AnyFamily& Registry::find_or_add(std::string_view name, std::string_view help, MetricKind kind,
                                 std::vector<std::string> label_names, std::vector<double> bounds) {
  SLUICE_ASSERT(is_word(name, true), "a metric has a name that Prometheus takes");
  for (const auto& label : label_names) SLUICE_ASSERT(is_label_name(label, kind), "a label, too");
  // Made before the lock is taken, for that needs memory; thrown away if the name is known.
  auto made = std::make_unique<Entry>(std::in_place_type<AnyFamily>, name, help, kind, label_names,
                                      MetricLayout{options_.shards, bounds},
                                      label_names.empty() ? 1 : options_.series_max);
  std::lock_guard hold(add_lock_);
  Entry* newest = newest_.load(std::memory_order_relaxed);  // relaxed: written under the lock that we hold
  for (Entry* entry = newest; entry != nullptr; entry = entry->older) {
    if (entry->name != name) continue;
    auto* known = std::get_if<AnyFamily>(&entry->family);
    SLUICE_ASSERT(known != nullptr && entry->kind == kind && known->label_names() == label_names &&
                      known->layout().bounds == bounds,
                  "a name registered again has the kind, labels and bounds of the first time");
    return *known;
  }
  made->older = newest;
  // release: pairs with the acquire in collect; who finds the entry finds it complete, with all older ones.
  newest_.store(made.get(), std::memory_order_release);
  return std::get<AnyFamily>(made.release()->family);
}

Counter& Registry::counter(std::string_view name, std::string_view help) {
  return counter_family(name, help, {}).with({});
}
Gauge& Registry::gauge(std::string_view name, std::string_view help) { return gauge_family(name, help, {}).with({}); }
Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> bounds) {
  return histogram_family(name, help, {}, std::move(bounds)).with({});
}

CounterFamily& Registry::counter_family(std::string_view name, std::string_view help,
                                        std::vector<std::string> label_names) {
  return find_or_add<CounterFamily>(name, help, MetricKind::kCounter, std::move(label_names), {});
}
GaugeFamily& Registry::gauge_family(std::string_view name, std::string_view help,
                                    std::vector<std::string> label_names) {
  return find_or_add<GaugeFamily>(name, help, MetricKind::kGauge, std::move(label_names), {});
}
HistogramFamily& Registry::histogram_family(std::string_view name, std::string_view help,
                                            std::vector<std::string> label_names, std::vector<double> bounds) {
  return find_or_add<HistogramFamily>(name, help, MetricKind::kHistogram, std::move(label_names), std::move(bounds));
}

Callback Registry::gauge_callback(std::string_view name, std::string_view help, std::function<double()> read,
                                  std::vector<Label> labels) {
  return add_callback(name, help, MetricKind::kGauge, {}, std::move(read), std::move(labels));
}
Callback Registry::counter_callback(std::string_view name, std::string_view help, std::function<double()> read,
                                    std::vector<Label> labels) {
  return add_callback(name, help, MetricKind::kCounter, {}, std::move(read), std::move(labels));
}
Callback Registry::histogram_callback(std::string_view name, std::string_view help, std::vector<double> bounds,
                                      std::function<Histogram::Reading()> read, std::vector<Label> labels) {
  return add_callback(name, help, MetricKind::kHistogram, std::move(bounds), std::move(read), std::move(labels));
}

Callback Registry::add_callback(std::string_view name, std::string_view help, MetricKind kind, std::vector<double> bounds,
                                std::function<std::variant<double, Histogram::Reading>()> read,
                                std::vector<Label> labels) {
  std::vector<std::string> names;
  std::vector<std::string_view> values;
  for (const auto& label : labels) {
    names.push_back(label.name);
    values.push_back(label.value);
  }
  auto& cell = find_or_add<CallbackFamily>(name, help, kind, std::move(names), std::move(bounds)).with(values);
  cell.install(std::move(read));
  return Callback(&cell);
}

std::vector<MetricSamples> Registry::collect() const {
  std::vector<MetricSamples> metrics;
  // acquire: pairs with the release in find_or_add; every entry that we reach is complete.
  for (const Entry* entry = newest_.load(std::memory_order_acquire); entry != nullptr; entry = entry->older) {
    std::visit(
        [&](const auto& family) {
          metrics.push_back({entry->name, entry->help, entry->kind, family.label_names(), family.layout().bounds,
                             samples_of(family)});
        },
        entry->family);
  }
  std::ranges::sort(metrics, {}, &MetricSamples::name);
  return metrics;
}

Callback& Callback::operator=(Callback&& other) noexcept {
  if (this != &other) {
    if (cell_ != nullptr) cell_->remove();
    cell_ = std::exchange(other.cell_, nullptr);
  }
  return *this;
}

Callback::~Callback() {
  if (cell_ != nullptr) cell_->remove();
}

}  // namespace sluice::observe
