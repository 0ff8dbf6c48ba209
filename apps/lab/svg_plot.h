// A line plot as SVG text, for people: axes from zero with round ticks, one colour per curve, a legend.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace garrison::lab {

struct Curve {
  enum class Style { line, dashes, marks };  // measured; a limit; somebody else's figures
  std::string title;
  std::vector<std::pair<double, double>> points;
  Style style = Style::line;
  std::size_t colour = 0;  // curves that belong together have the same
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Curve> curves;
};

// Complete and well-formed whatever the texts hold.
[[nodiscard]] std::string to_svg(const Plot& plot);

}  // namespace garrison::lab
