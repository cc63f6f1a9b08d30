// SPDX-License-Identifier: MIT
#include <sluice/observe/family.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/observe/internal/callback_cell.hpp>
#include <sluice/observe/internal/utf8.hpp>

namespace sluice::observe {
namespace {

constexpr std::string_view kOverflow = "overflow";

std::uint64_t hash_of(std::span<const std::string_view> values) noexcept {
  std::uint64_t hash = 0;
  // Multiplying between the values keeps ("a", "b") and ("b", "a") apart.
  for (std::string_view value : values) hash = (hash ^ std::hash<std::string_view>()(value)) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

template <class Series>
bool is_of(const Series& series, std::uint64_t hash, std::span<const std::string_view> values) noexcept {
  return series.hash == hash && std::ranges::equal(series.values, values);
}

// A scraper refuses the whole page for one label that is not UTF-8, or for one set of labels that occurs twice.
bool can_be_exported(std::span<const std::string_view> values, std::size_t bytes_max) noexcept {
  auto is_readable = [=](std::string_view value) { return value.size() <= bytes_max && internal::is_utf8(value); };
  auto is_overflow = [](std::string_view value) { return value == kOverflow; };
  return std::ranges::all_of(values, is_readable) && (values.empty() || !std::ranges::all_of(values, is_overflow));
}

}  // namespace

template <class Metric>
Family<Metric>::Family(std::vector<std::string> label_names, MetricLayout layout, std::size_t series_max)
    : label_names_(std::move(label_names)),
      layout_(std::move(layout)),
      series_max_(series_max),
      slot_mask_(std::bit_ceil(2 * series_max) - 1),
      slots_(std::make_unique<std::atomic<Series*>[]>(slot_mask_ + 1)),
      overflow_{0, std::vector<std::string>(label_names_.size(), std::string(kOverflow)), Metric(layout_)} {
  SLUICE_ASSERT(series_max > 0, "a family has room for a series");
}

template <class Metric>
Family<Metric>::~Family() {
  for (std::size_t slot = 0; slot <= slot_mask_; ++slot) delete slots_[slot].load();
}

template <class Metric>
Metric& Family<Metric>::with(std::span<const std::string_view> values) {
  SLUICE_ASSERT(values.size() == label_names_.size(), "a value for each label");
  std::uint64_t hash = hash_of(values);
  for (std::size_t slot = hash & slot_mask_;; slot = (slot + 1) & slot_mask_) {
    // acquire: pairs with the release in add_series; the series that we find is complete.
    Series* series = slots_[slot].load(std::memory_order_acquire);
    if (series == nullptr) break;
    if (is_of(*series, hash, values)) return series->metric;
  }
  // relaxed: a hint. Full once is full for ever; who sees it late finds out under the lock.
  if (size_.load(std::memory_order_relaxed) == series_max_) return overflow();
  if (!can_be_exported(values, kLabelBytesMax)) return overflow();
  return add_series(hash, values);
}

template <class Metric>
Metric& Family<Metric>::add_series(std::uint64_t hash, std::span<const std::string_view> values) {
  // Made before the lock is taken, for that needs memory; thrown away if somebody else was faster.
  std::unique_ptr<Series> made(
      new Series{hash, std::vector<std::string>(values.begin(), values.end()), Metric(layout_)});
  std::lock_guard hold(insert_lock_);
  std::size_t size = size_.load(std::memory_order_relaxed);  // relaxed: written under the lock that we hold
  for (std::size_t slot = hash & slot_mask_;; slot = (slot + 1) & slot_mask_) {
    Series* series = slots_[slot].load(std::memory_order_relaxed);  // relaxed: likewise
    if (series != nullptr && is_of(*series, hash, values)) return series->metric;
    if (series != nullptr) continue;
    if (size == series_max_) return overflow();
    // release: pairs with the acquire in with() and series(); who finds the pointer finds the series complete.
    slots_[slot].store(made.get(), std::memory_order_release);
    size_.store(size + 1, std::memory_order_relaxed);  // relaxed: the readers without the lock take it for a hint
    return made.release()->metric;
  }
}

template <class Metric>
Metric& Family<Metric>::overflow() noexcept {
  // relaxed: only says that the series is worth showing. Read first: writing would pull the line from those who read.
  if (!overflowed_.load(std::memory_order_relaxed)) overflowed_.store(true, std::memory_order_relaxed);
  return overflow_.metric;
}

template <class Metric>
auto Family<Metric>::series() const -> std::vector<const Series*> {
  std::vector<const Series*> all;
  for (std::size_t slot = 0; slot <= slot_mask_; ++slot) {
    // acquire: pairs with the release in add_series; the series that we find is complete.
    if (const Series* series = slots_[slot].load(std::memory_order_acquire)) all.push_back(series);
  }
  std::ranges::sort(all, {}, [](const Series* series) -> const auto& { return series->values; });
  if (overflowed_.load(std::memory_order_relaxed)) all.push_back(&overflow_);  // relaxed: as in overflow
  return all;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;
template class Family<internal::CallbackCell>;

}  // namespace sluice::observe
