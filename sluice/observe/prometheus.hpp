// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace sluice::observe {

class Registry;

inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/// What /metrics answers: every metric of the registry in the text exposition format 0.0.4. Never parks.
/// Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
[[nodiscard]] std::string prometheus_text(const Registry& registry);

}  // namespace sluice::observe
