// Numbers as Prometheus takes them: families of one server or forwarder, written as text. Names and units follow its
// conventions; docs/metrics.md lists them.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace garrison::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// What GET /metrics answers.
inline constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

// All of a family must come one after the other. One thread.
class Families {
 public:
  // `common`: labels that all have.
  explicit Families(Labels common) : common_(std::move(common)) {}

  // Never falls while the process lives; the name ends in _total.
  void counter(std::string_view name, std::string_view help, std::uint64_t value, const Labels& labels = {});
  void gauge(std::string_view name, std::string_view help, double value, const Labels& labels = {});

  [[nodiscard]] std::string text() const;

 private:
  prometheus::ClientMetric& add(prometheus::MetricType type, std::string_view name, std::string_view help,
                                const Labels& labels);

  Labels common_;
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace garrison::metrics
