// Line charts as inline SVG, coloured by the page's style sheet (classes s0, s1, ...).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attune::cli {

struct ChartLine {
  std::string name = {};
  std::map<int64_t, double> points = {};
  bool marked = false;    // a dot at every point: measured rarely
  bool smoothed = false;  // drawn pale, with its running mean on top
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

// Steps of 1, 2 or 5 times a power of ten that cover [low, high] with at most `count` intervals.
std::vector<double> axis_ticks(double low, double high, int count);

// Four significant digits, with k, M and G above 10,000 and an exponent below 0.001.
std::string short_number(double value);

// A running mean with the weight of the last `window` points, without the bias of a cold start.
std::map<int64_t, double> running_mean(const std::map<int64_t, double>& points, int window);

}  // namespace attune::cli
