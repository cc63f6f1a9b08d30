// SPDX-License-Identifier: MIT
// One metric on the page:
//
//   # HELP http_server_requests_duration_ms http server requests duration(ms).
//   # TYPE http_server_requests_duration_ms histogram
//   http_server_requests_duration_ms_bucket{path="/ping",method="GET",code="200",le="5"} 7
//   http_server_requests_duration_ms_bucket{path="/ping",method="GET",code="200",le="+Inf"} 8
//   http_server_requests_duration_ms_sum{path="/ping",method="GET",code="200"} 31
//   http_server_requests_duration_ms_count{path="/ping",method="GET",code="200"} 8
#include <sluice/observe/prometheus.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include <sluice/observe/registry.hpp>

namespace sluice::observe {
namespace {

// Below this a double holds every whole number, so those are written without a decimal point or exponent.
constexpr double kWholeNumbersEnd = 9'007'199'254'740'992;  // 2^53

template <class Number>
void append_shortest(std::string& page, Number number) {
  char digits[32];  // the longest double takes 24
  page.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_number(std::string& page, double number) {
  if (std::isnan(number)) {
    page += "NaN";
  } else if (std::isinf(number)) {
    page += number > 0 ? "+Inf" : "-Inf";
  } else if (std::trunc(number) == number && std::abs(number) < kWholeNumbersEnd) {
    append_shortest(page, static_cast<std::int64_t>(number));
  } else {
    append_shortest(page, number);
  }
}

/// Quotes are escaped in label values only.
void append_escaped(std::string& page, std::string_view text, bool in_quotes) {
  for (char c : text) {
    if (c == '\n') {
      page += "\\n";
    } else if (c == '\\' || (c == '"' && in_quotes)) {
      page += '\\';
      page += c;
    } else {
      page += c;
    }
  }
}

const char* type_of(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::kCounter: return "counter";
    case MetricKind::kGauge: return "gauge";
    case MetricKind::kHistogram: return "histogram";
  }
  return "untyped";
}

void append_head(std::string& page, const MetricSamples& metric) {
  page.append("# HELP ").append(metric.name).append(" ");
  append_escaped(page, metric.help, false);
  page.append("\n# TYPE ").append(metric.name).append(" ").append(type_of(metric.kind)).append("\n");
}

/// Up to where `le` or the closing brace follows; nothing if there are no labels.
void append_labels(std::string& page, const MetricSamples& metric, const Sample& sample) {
  for (std::size_t i = 0; i < metric.label_names.size(); ++i) {
    page.append(i == 0 ? "{" : ",").append(metric.label_names[i]).append("=\"");
    append_escaped(page, sample.label_values[i], true);
    page += '"';
  }
}

void append_line(std::string& page, const MetricSamples& metric, const char* suffix, const Sample& sample,
                 double value) {
  page.append(metric.name).append(suffix);
  append_labels(page, metric, sample);
  page += metric.label_names.empty() ? " " : "} ";
  append_number(page, value);
  page += '\n';
}

void append_bucket(std::string& page, const MetricSamples& metric, const Sample& sample, double bound,
                   std::uint64_t count) {
  page.append(metric.name).append("_bucket");
  append_labels(page, metric, sample);
  page.append(metric.label_names.empty() ? "{" : ",").append("le=\"");
  append_number(page, bound);
  page += "\"} ";
  append_shortest(page, count);
  page += '\n';
}

void append_histogram(std::string& page, const MetricSamples& metric, const Sample& sample,
                      const Histogram::Reading& reading) {
  // Buckets are cumulative on the page, and the last one is _count: both come from one reading, so they agree.
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < reading.counts.size(); ++i) {
    count += reading.counts[i];
    append_bucket(page, metric, sample, i < metric.bounds.size() ? metric.bounds[i] : HUGE_VAL, count);
  }
  append_line(page, metric, "_sum", sample, reading.sum);
  append_line(page, metric, "_count", sample, static_cast<double>(count));
}

}  // namespace

std::string prometheus_text(const Registry& registry) {
  std::string page;
  for (const auto& metric : registry.collect()) {
    if (metric.samples.empty()) continue;  // as go-zero's: a metric appears on first use
    append_head(page, metric);
    for (const auto& sample : metric.samples) {
      if (const auto* reading = std::get_if<Histogram::Reading>(&sample.value)) {
        append_histogram(page, metric, sample, *reading);
      } else {
        append_line(page, metric, "", sample, std::get<double>(sample.value));
      }
    }
  }
  return page;
}

}  // namespace sluice::observe
