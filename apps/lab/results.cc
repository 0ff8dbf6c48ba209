#include "apps/lab/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <memory>
#include <system_error>

#include "apps/lab/svg_plot.h"

namespace garrison::lab {

namespace {

std::string number_or_empty(double value) { return value > 0 ? fmt::format("{:.1f}", value) : ""; }

Plot plot_of(const Experiment& experiment, const std::vector<Point>& points, double Point::*value,
             std::uint64_t PaperPoint::*paper_value) {
  Plot plot{.title = experiment.title, .x_label = "clients", .y_label = "", .curves = {}};
  for (std::size_t i = 0; i < experiment.series.size(); ++i) {
    const Series& series = experiment.series[i];
    Curve ours{.title = series.title, .points = {}, .style = Curve::Style::line, .colour = i};
    for (const Point& point : points) {
      if (point.series == series.name) ours.points.emplace_back(static_cast<double>(point.clients), point.*value);
    }
    if (ours.points.empty()) continue;
    std::sort(ours.points.begin(), ours.points.end());
    plot.curves.push_back(std::move(ours));
    Curve paper{.title = series.title + ", the paper", .points = {}, .style = Curve::Style::marks, .colour = i};
    for (const PaperPoint& point : series.paper) {
      if (point.*paper_value == 0) continue;
      paper.points.emplace_back(static_cast<double>(point.clients), static_cast<double>(point.*paper_value));
    }
    if (!paper.points.empty()) plot.curves.push_back(std::move(paper));
  }
  return plot;
}

// One dashed line per limit that some series has.
void add_limits(Plot& plot, const Experiment& experiment, const std::vector<Point>& points) {
  double most_clients = 0;
  for (const Point& point : points) most_clients = std::max(most_clients, static_cast<double>(point.clients));
  std::vector<double> drawn;
  for (std::size_t i = 0; i < experiment.series.size(); ++i) {
    const Series& series = experiment.series[i];
    const double limit = limit_updates_per_s(series.setup);
    const bool shown =
        std::any_of(points.begin(), points.end(), [&](const Point& p) { return p.series == series.name; });
    if (!shown || limit == 0 || std::find(drawn.begin(), drawn.end(), limit) != drawn.end()) continue;
    drawn.push_back(limit);
    plot.curves.push_back({.title = fmt::format("physical limit of {}: {:.0f}", series.title, limit),
                           .points = {{0, limit}, {most_clients, limit}},
                           .style = Curve::Style::dashes,
                           .colour = i});
  }
}

}  // namespace

std::string to_csv(const std::vector<Point>& points) {
  std::string out =
      "series,clients,updates_per_s,latency_mean_ms,p50_ms,p99_ms,limit_updates_per_s,paper,egress_bytes_per_update,"
      "busiest_egress,busiest_processor\n";
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(out), "{},{},{:.1f},{:.3f},{:.3f},{:.3f},{},{},{:.1f},{:.4f},{:.4f}\n",
                   point.series, point.clients, point.updates_per_s, point.latency_mean_ms, point.p50_ms, point.p99_ms,
                   number_or_empty(point.limit_updates_per_s),
                   point.paper.has_value() ? std::to_string(*point.paper) : "", point.egress_bytes_per_update,
                   point.busiest_egress, point.busiest_processor);
  }
  return out;
}

std::string throughput_svg(const Experiment& experiment, const std::vector<Point>& points) {
  Plot plot = plot_of(experiment, points, &Point::updates_per_s, &PaperPoint::updates_per_s);
  plot.y_label = "updates per second";
  add_limits(plot, experiment, points);
  return to_svg(plot);
}

std::string latency_svg(const Experiment& experiment, const std::vector<Point>& points) {
  Plot plot = plot_of(experiment, points, &Point::latency_mean_ms, &PaperPoint::latency_ms);
  plot.y_label = "mean latency, ms";
  return to_svg(plot);
}

Result<void> write_file(const std::string& path, std::string_view text) {
  const std::string unfinished = path + ".unfinished";
  const auto failed = [&](int error) {
    (void)std::remove(unfinished.c_str());
    return Error{path + ": cannot be written: " + std::generic_category().message(error)};
  };
  errno = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(unfinished.c_str(), "we"), std::fclose);
  if (file == nullptr) return failed(errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  if (std::fclose(file.release()) != 0 || !written) return failed(errno);
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return failed(errno);
  return {};
}

}  // namespace garrison::lab
