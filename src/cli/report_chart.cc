#include "cli/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cli/report_html.h"

namespace attune::cli {
namespace {

constexpr int kSmoothed = 8;  // points of a running mean; fewer are not smoothed
constexpr size_t kHoverPointsMax = 400;

struct Frame {
  Axis x;
  Axis y;
};

bool is_empty(const Chart& chart) {
  return std::all_of(chart.lines.begin(), chart.lines.end(),
                     [](const ChartLine& line) { return line.points.empty(); });
}

Frame frame_of(const Chart& chart, const Area& area) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  double first = low;
  double last = high;
  for (const ChartLine& line : chart.lines) {
    for (const auto& [step, value] : line.points) {
      low = std::min(low, value);
      high = std::max(high, value);
      first = std::min(first, static_cast<double>(step));
      last = std::max(last, static_cast<double>(step));
    }
  }
  return {axis_over(first, last, area.left, area.width - area.right, {.count = 6, .whole = true}),
          axis_over(low, high, area.height - area.bottom, area.top,
                    {.from_zero = chart.from_zero})};
}

std::string polyline(const Frame& frame, const std::map<int64_t, double>& points,
                     const std::string& style) {
  std::string svg = fmt::format("<polyline class=\"{}\" points=\"", style);
  for (const auto& [step, value] : points) {
    svg += fmt::format("{:.1f},{:.1f} ", frame.x.at(static_cast<double>(step)), frame.y.at(value));
  }
  return svg + "\"/>";
}

std::string dots_of(const Frame& frame, const ChartLine& line, size_t colour) {
  std::string svg;
  size_t every = std::max<size_t>(1, line.points.size() / kHoverPointsMax);
  size_t index = 0;
  for (const auto& [step, value] : line.points) {
    if (index++ % every != 0 && !line.marked) continue;
    svg += fmt::format(
        "<circle class=\"{} s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}, step {}: "
        "{}</title></circle>",
        line.marked ? "dot" : "hover", colour, frame.x.at(static_cast<double>(step)),
        frame.y.at(value), line.marked ? 3.5 : 5.0, escape_html(line.name), step,
        short_number(value));
  }
  return svg;
}

std::string line_of(const Frame& frame, const ChartLine& line, size_t colour) {
  const bool pale = line.smoothed && line.points.size() > kSmoothed;
  const std::string style =
      fmt::format("line s{}{}", colour, line.dashed ? " dashed" : "");
  std::string svg;
  // A lone point of a curve would be invisible.
  if (line.points.size() == 1 && !line.marked) {
    const auto [step, value] = *line.points.begin();
    svg += fmt::format("<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>", colour,
                       frame.x.at(static_cast<double>(step)), frame.y.at(value));
  }
  if (line.points.size() > 1) svg += polyline(frame, line.points, style + (pale ? " pale" : ""));
  if (pale) svg += polyline(frame, running_mean(line.points, kSmoothed), style);
  return svg + dots_of(frame, line, colour);
}

}  // namespace

std::string draw_chart(const Chart& chart) {
  const auto colour_of = [&](size_t i) { return chart.lines[i].colour.value_or(i) % kColours; };
  std::vector<LegendKey> keys;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    if (!line.points.empty()) keys.push_back({line.name, colour_of(i), line.dashed});
  }
  std::string html = "<figure class=\"card\">" + draw_caption(chart.title, chart.note, keys);
  if (is_empty(chart)) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  const Area area;
  const Frame frame = frame_of(chart, area);
  html += open_drawing(area, chart.title) + draw_grid(area, frame.x, frame.y, "");
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    html += line_of(frame, chart.lines[i], colour_of(i));
  }
  return html + "</svg></figure>\n";
}

std::map<int64_t, double> running_mean(const std::map<int64_t, double>& points, int window) {
  std::map<int64_t, double> means;
  double decay = 1.0 - 1.0 / window;
  double sum = 0;
  double weight = 0;
  for (const auto& [step, value] : points) {
    sum = decay * sum + value;
    weight = decay * weight + 1;
    means[step] = sum / weight;
  }
  return means;
}

}  // namespace attune::cli
