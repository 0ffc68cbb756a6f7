// Pictures of measured points with their intervals, as inline SVG in the page's style: curves over
// a real axis, and bars of named groups. Figures beside them are the caller's.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace attune::cli {

struct PointValue {
  double x = 0;
  double y = 0;
  std::optional<double> low = {};  // of an interval; both or none
  std::optional<double> high = {};
  std::string label = {};          // shown when pointed at
};

struct PointCurve {
  std::string name;
  std::vector<PointValue> points;  // ascending in x
  bool dots = true;                // a curve that was computed, not measured, has none
  bool line = true;
  std::optional<size_t> colour = {};  // default: its place among the curves
};

struct PointChart {
  std::string title;
  std::string note;
  std::string x_name;
  std::vector<PointCurve> curves;
};

// A <figure>; says "nothing measured yet" without a finite point.
std::string draw_points(const PointChart& chart);

struct Bar {
  std::string name;
  double value = 0;
  std::optional<double> low = {};
  std::optional<double> high = {};
  std::string detail = {};  // beside the name, for example "120 pairs"
};

struct BarChart {
  std::string title;
  std::string note;
  std::vector<Bar> bars;
  double low = 0;                     // the axis; bars begin at its 0
  double high = 1;
  std::optional<double> mark = {};    // a line across, for example 0.5: chance
};

std::string draw_bars(const BarChart& chart);

}  // namespace attune::cli
