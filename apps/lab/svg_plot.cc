#include "apps/lab/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

namespace garrison::lab {

namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 460;
constexpr double kLeft = 70;
constexpr double kRight = 740;
constexpr double kTop = 40;
constexpr double kBottom = 400;
constexpr double kLegendLine = 18;
constexpr int kTicks = 6;
// Told apart by most eyes, colour-blind ones too.
constexpr std::array<std::string_view, 7> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                   "#e69f00", "#56b4e9", "#000000"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  return out;
}

// 1, 2 or 5 times a power of ten, so that about kTicks of it reach `highest`.
double tick_step(double highest) {
  const double rough = highest / kTicks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

class Axis {
 public:
  Axis(double highest, double low_pixel, double high_pixel)
      : step_(tick_step(highest > 0 ? highest : 1)),
        highest_(std::ceil(std::max(highest, step_) / step_) * step_),
        low_(low_pixel),
        high_(high_pixel) {}
  [[nodiscard]] double pixel(double value) const { return low_ + (high_ - low_) * value / highest_; }
  [[nodiscard]] double step() const { return step_; }
  [[nodiscard]] double highest() const { return highest_; }

 private:
  double step_;
  double highest_;
  double low_;
  double high_;
};

void draw_axes(std::string& out, const Plot& plot, const Axis& x, const Axis& y) {
  const auto put = std::back_inserter(out);
  for (double value = 0; value <= y.highest() * 1.0001; value += y.step()) {
    fmt::format_to(put, "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#dddddd\"/>\n", kLeft,
                   y.pixel(value), kRight, y.pixel(value));
    fmt::format_to(put, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n", kLeft - 6, y.pixel(value) + 4,
                   value);
  }
  for (double value = 0; value <= x.highest() * 1.0001; value += x.step()) {
    fmt::format_to(put, "<line x1=\"{:.1f}\" y1=\"{}\" x2=\"{:.1f}\" y2=\"{}\" stroke=\"#000000\"/>\n", x.pixel(value),
                   kBottom, x.pixel(value), kBottom + 5);
    fmt::format_to(put, "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n", x.pixel(value),
                   kBottom + 20, value);
  }
  fmt::format_to(put, "<path d=\"M{0} {1}V{2}H{3}\" fill=\"none\" stroke=\"#000000\"/>\n", kLeft, kTop, kBottom,
                 kRight);
  fmt::format_to(put, "<text x=\"{}\" y=\"24\" text-anchor=\"middle\" font-size=\"15\">{}</text>\n",
                 (kLeft + kRight) / 2, escaped(plot.title));
  fmt::format_to(put, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (kLeft + kRight) / 2, kBottom + 42,
                 escaped(plot.x_label));
  fmt::format_to(put, "<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                 (kTop + kBottom) / 2, escaped(plot.y_label));
}

void draw_mark(std::string& out, const Curve& curve, double x, double y) {
  const std::string_view colour = kColours[curve.colour % kColours.size()];
  if (curve.style == Curve::Style::line) {
    fmt::format_to(std::back_inserter(out), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n", x, y,
                   colour);
  } else if (curve.style == Curve::Style::marks) {
    fmt::format_to(std::back_inserter(out),
                   "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"10\" fill=\"none\" stroke=\"{}\" "
                   "stroke-width=\"2\"/>\n",
                   x - 5, y - 5, colour);
  }
}

void draw_line(std::string& out, const Curve& curve, const std::string& points) {
  if (curve.style == Curve::Style::marks) return;
  fmt::format_to(
      std::back_inserter(out), "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", points,
      kColours[curve.colour % kColours.size()], curve.style == Curve::Style::dashes ? " stroke-dasharray=\"6 4\"" : "");
}

}  // namespace

std::string to_svg(const Plot& plot) {
  double highest_x = 0;
  double highest_y = 0;
  for (const Curve& curve : plot.curves) {
    for (const auto& [x, y] : curve.points) {
      highest_x = std::max(highest_x, x);
      highest_y = std::max(highest_y, y);
    }
  }
  const Axis x_axis(highest_x, kLeft, kRight);
  const Axis y_axis(highest_y, kBottom, kTop);
  const double height = kHeight + kLegendLine * static_cast<double>(plot.curves.size());
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, height);
  draw_axes(out, plot, x_axis, y_axis);
  double legend = kHeight;
  for (const Curve& curve : plot.curves) {
    std::string points;
    for (const auto& [x, y] : curve.points) {
      fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", x_axis.pixel(x), y_axis.pixel(y));
      draw_mark(out, curve, x_axis.pixel(x), y_axis.pixel(y));
    }
    draw_line(out, curve, points);
    draw_line(out, curve, fmt::format("{},{} {},{}", kLeft, legend, kLeft + 30, legend));
    draw_mark(out, curve, kLeft + 15, legend);
    fmt::format_to(std::back_inserter(out), "<text x=\"{}\" y=\"{}\">{}</text>\n", kLeft + 40, legend + 4,
                   escaped(curve.title));
    legend += kLegendLine;
  }
  return out + "</svg>\n";
}

}  // namespace garrison::lab
