#include "apps/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>

#include "dataplane/base/check.h"

namespace garrison::metrics {

void Families::counter(std::string_view name, std::string_view help, std::uint64_t value, const Labels& labels) {
  CHECK(name.ends_with("_total"));
  add(prometheus::MetricType::Counter, name, help, labels).counter.value = static_cast<double>(value);
}

void Families::gauge(std::string_view name, std::string_view help, double value, const Labels& labels) {
  add(prometheus::MetricType::Gauge, name, help, labels).gauge.value = value;
}

std::string Families::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return out.str();
}

prometheus::ClientMetric& Families::add(prometheus::MetricType type, std::string_view name, std::string_view help,
                                        const Labels& labels) {
  if (families_.empty() || families_.back().name != name) {
    CHECK(std::ranges::none_of(families_, [&](const auto& family) { return family.name == name; }));
    families_.push_back({.name = std::string(name), .help = std::string(help), .type = type, .metric = {}});
  }
  prometheus::ClientMetric& metric = families_.back().metric.emplace_back();
  metric.label = common_;
  metric.label.insert(metric.label.end(), labels.begin(), labels.end());
  return metric;
}

}  // namespace garrison::metrics
