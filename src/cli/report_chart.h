// Line charts over steps as inline SVG.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/report_frame.h"

namespace attune::cli {

struct ChartLine {
  std::string name = {};
  std::map<int64_t, double> points = {};
  bool marked = false;    // a dot at every point: measured rarely
  bool smoothed = false;  // drawn pale, with its running mean on top
  bool dashed = false;
  std::optional<size_t> colour = {};  // default: its place among the lines
};

struct Chart {
  std::string title = {};
  std::string note = {};  // what is shown, in a few words
  std::vector<ChartLine> lines = {};
  bool from_zero = false;  // the vertical axis begins at 0
};

// A <figure>; says "nothing measured yet" when no line has a point. Every point shows its step and
// value when pointed at.
std::string draw_chart(const Chart& chart);

// A running mean with the weight of the last `window` points, without the bias of a cold start.
std::map<int64_t, double> running_mean(const std::map<int64_t, double>& points, int window);

}  // namespace attune::cli
