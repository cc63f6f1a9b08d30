// SPDX-License-Identifier: MIT
#include <sluice/observe/prometheus.hpp>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/observe/registry.hpp>

namespace sluice::observe {
namespace {

TEST(PrometheusText, WritesEachKindAsTheFormatSays) {
  Registry registry;
  auto& duration = registry.histogram_family("http_server_requests_duration_ms", "http server requests duration(ms).",
                                             {"path", "method", "code"}, {5, 10, 0.25e2});
  duration.with({"/ping", "GET", "200"}).observe(5);
  duration.with({"/ping", "GET", "200"}).observe(7.5);
  duration.with({"/ping", "GET", "200"}).observe(1000);
  registry.counter("accepted_total", "Connections accepted.").add(3);
  registry.gauge("open", "Connections open.").set(-1);
  EXPECT_EQ(prometheus_text(registry),
            "# HELP accepted_total Connections accepted.\n"
            "# TYPE accepted_total counter\n"
            "accepted_total 3\n"
            "# HELP http_server_requests_duration_ms http server requests duration(ms).\n"
            "# TYPE http_server_requests_duration_ms histogram\n"
            "http_server_requests_duration_ms_bucket{path=\"/ping\",method=\"GET\",code=\"200\",le=\"5\"} 1\n"
            "http_server_requests_duration_ms_bucket{path=\"/ping\",method=\"GET\",code=\"200\",le=\"10\"} 2\n"
            "http_server_requests_duration_ms_bucket{path=\"/ping\",method=\"GET\",code=\"200\",le=\"25\"} 2\n"
            "http_server_requests_duration_ms_bucket{path=\"/ping\",method=\"GET\",code=\"200\",le=\"+Inf\"} 3\n"
            "http_server_requests_duration_ms_sum{path=\"/ping\",method=\"GET\",code=\"200\"} 1012.5\n"
            "http_server_requests_duration_ms_count{path=\"/ping\",method=\"GET\",code=\"200\"} 3\n"
            "# HELP open Connections open.\n"
            "# TYPE open gauge\n"
            "open -1\n");
}

TEST(PrometheusText, WritesAHistogramWithoutLabels) {
  Registry registry;
  registry.histogram("wait_ms", "", {0.5}).observe(0.5);
  EXPECT_EQ(prometheus_text(registry),
            "# HELP wait_ms \n# TYPE wait_ms histogram\n"
            "wait_ms_bucket{le=\"0.5\"} 1\nwait_ms_bucket{le=\"+Inf\"} 1\nwait_ms_sum 0.5\nwait_ms_count 1\n");
}

TEST(PrometheusText, EscapesHelpAndLabelValues) {
  Registry registry;
  registry.counter_family("a_total", "say \"\\\"\nend", {"name"}).with({"q\"b\\n\nx"}).add();
  EXPECT_EQ(prometheus_text(registry),
            "# HELP a_total say \"\\\\\"\\nend\n"
            "# TYPE a_total counter\n"
            "a_total{name=\"q\\\"b\\\\n\\nx\"} 1\n");
}

TEST(PrometheusText, ShowsAMetricOnFirstUse) {
  Registry registry;
  auto& family = registry.counter_family("a_total", "", {"code"});
  EXPECT_EQ(prometheus_text(registry), "");
  family.with({"200"}).add();
  EXPECT_NE(prometheus_text(registry), "");
}

TEST(PrometheusText, WritesEveryNumberThatACallbackMayGive) {
  Registry registry;
  double value = 0;
  Callback shown = registry.gauge_callback("v", "", [&] { return value; });
  auto line = [&](double next) {
    value = next;
    std::string page = prometheus_text(registry);
    return page.substr(page.rfind("\nv ") + 3);
  };
  EXPECT_EQ(line(0.1), "0.1\n");
  EXPECT_EQ(line(1'000'000), "1000000\n");
  EXPECT_EQ(line(-0.25), "-0.25\n");
  EXPECT_EQ(line(1e300), "1e+300\n");
  EXPECT_EQ(line(HUGE_VAL), "+Inf\n");
  EXPECT_EQ(line(-HUGE_VAL), "-Inf\n");
  EXPECT_EQ(line(std::nan("")), "NaN\n");
}

}  // namespace
}  // namespace sluice::observe
