// What every chart of a report has around its curves: axes with round ticks, the grid behind, the
// caption with its legend. Inline SVG coloured by the page's style sheet (classes s0, s1, ...).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace attune::cli {

// The drawing, in SVG units; the plot lies within the margins.
struct Area {
  double width = 560;
  double height = 240;
  double left = 60;
  double right = 12;
  double top = 12;
  double bottom = 28;
};

inline constexpr size_t kColours = 4;  // of the style sheet

struct Axis {
  double low = 0;
  double high = 1;
  double begin = 0;  // where `low` lies
  double end = 1;
  std::vector<double> ticks = {};
  std::vector<std::string> labels = {};  // one for each tick

  double at(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
};

struct AxisOptions {
  int count = 5;           // intervals at most
  bool from_zero = false;  // 0 is on it
  bool whole = false;      // ticks at whole numbers only, and the range as it is: steps
};

// Covers [low, high]. Values that hardly differ (by less than a thousandth) get an axis on which
// they are flat: no label is ever there twice.
Axis axis_over(double low, double high, double begin, double end, const AxisOptions& options = {});

// Lines across at the ticks of y, labels of both, and the name below x ("" for none).
std::string draw_grid(const Area& area, const Axis& x, const Axis& y, const std::string& x_name);

// The opening of an <svg> of that size; its name is what a screen reader says.
std::string open_drawing(const Area& area, const std::string& name);

struct LegendKey {
  std::string name;
  size_t colour = 0;
  bool dashed = false;
};
// Without a legend where there is one key at most.
std::string draw_caption(const std::string& title, const std::string& note,
                         const std::vector<LegendKey>& keys);

// Steps of 1, 2 or 5 times a power of ten that cover [low, high] with at most `count` intervals.
std::vector<double> axis_ticks(double low, double high, int count);

// All with the digits that tell ticks apart, and one unit: k, M and G from 10,000 on, a power of
// ten below 0.001. `ticks` have equal distances.
std::vector<std::string> tick_labels(const std::vector<double>& ticks);

// Four significant digits, with k, M and G above 10,000 and an exponent below 0.001.
std::string short_number(double value);

}  // namespace attune::cli
