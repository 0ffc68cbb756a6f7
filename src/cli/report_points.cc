#include "cli/report_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/report_frame.h"
#include "cli/report_html.h"

namespace attune::cli {
namespace {

constexpr double kBarNames = 170;  // room for the names beside bars
constexpr double kBarHeight = 26;
constexpr Area kPoints = {.bottom = 40};

std::string interval_text(double value, const std::optional<double>& low,
                          const std::optional<double>& high) {
  if (!low || !high) return short_number(value);
  return fmt::format("{} ({} to {})", short_number(value), short_number(*low),
                     short_number(*high));
}

struct Span {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::string dot_svg(const PointCurve& curve, const PointValue& point, const Axis& x, const Axis& y,
                    size_t colour) {
  const double px = x.at(point.x);
  std::string svg;
  if (point.low && point.high) {
    svg += fmt::format(
        "<line class=\"line s{} pale\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
        colour, px, px, y.at(*point.low), y.at(*point.high));
  }
  return svg + fmt::format(
                   "<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>{}{}{}: "
                   "{}</title></circle>",
                   colour, px, y.at(point.y), escape_html(curve.name),
                   point.label.empty() ? "" : ", ", escape_html(point.label),
                   interval_text(point.y, point.low, point.high));
}

std::string curve_svg(const PointCurve& curve, const Axis& x, const Axis& y, size_t colour) {
  std::string line;
  std::string marks;
  for (const PointValue& point : curve.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    line += fmt::format("{:.1f},{:.1f} ", x.at(point.x), y.at(point.y));
    if (curve.dots) marks += dot_svg(curve, point, x, y, colour);
  }
  if (!curve.line) return marks;
  return fmt::format("<polyline class=\"line s{}\" points=\"{}\"/>", colour, line) + marks;
}

size_t colour_of(const PointChart& chart, size_t i) {
  return chart.curves[i].colour.value_or(i) % kColours;
}

std::vector<LegendKey> keys_of(const PointChart& chart) {
  std::vector<LegendKey> keys;
  for (size_t i = 0; i < chart.curves.size(); ++i) {
    if (chart.curves[i].dots) keys.push_back({chart.curves[i].name, colour_of(chart, i)});
  }
  return keys;
}

}  // namespace

std::string draw_points(const PointChart& chart) {
  Span xs;
  Span ys;
  for (const PointCurve& curve : chart.curves) {
    for (const PointValue& point : curve.points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
      xs.take(point.x);
      for (double value : {point.y, point.low.value_or(point.y), point.high.value_or(point.y)}) {
        if (std::isfinite(value)) ys.take(value);
      }
    }
  }
  std::string html =
      "<figure class=\"card\">" + draw_caption(chart.title, chart.note, keys_of(chart));
  if (xs.low > xs.high) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  const Axis x = axis_over(xs.low, xs.high, kPoints.left, kPoints.width - kPoints.right);
  const Axis y = axis_over(ys.low, ys.high, kPoints.height - kPoints.bottom, kPoints.top);
  html += open_drawing(kPoints, chart.title) + draw_grid(kPoints, x, y, chart.x_name);
  for (size_t i = 0; i < chart.curves.size(); ++i) {
    html += curve_svg(chart.curves[i], x, y, colour_of(chart, i));
  }
  return html + "</svg></figure>\n";
}

std::string draw_bars(const BarChart& chart) {
  std::string html = "<figure class=\"card\">" + draw_caption(chart.title, chart.note, {});
  if (chart.bars.empty()) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  Area area;
  area.height = area.top + kBarHeight * static_cast<double>(chart.bars.size()) + 24;
  const Axis x{chart.low, chart.high, kBarNames, area.width - 60};
  html += open_drawing(area, chart.title);
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double top = area.top + kBarHeight * static_cast<double>(i);
    const double middle = top + kBarHeight / 2;
    const double value = std::clamp(bar.value, chart.low, chart.high);
    const double from = std::clamp(0.0, chart.low, chart.high);
    html += fmt::format(
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}<title>{}</title>"
        "</text><line class=\"line s0\" style=\"stroke-width:12;stroke-linecap:butt\" x1=\"{:.1f}\""
        " x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"><title>{}</title></line>",
        kBarNames - 8, middle + 4, escape_html(bar.name), escape_html(bar.detail), x.at(from),
        x.at(value), middle, middle, interval_text(bar.value, bar.low, bar.high));
    if (bar.low && bar.high) {
      html += fmt::format(
          "<line class=\"line s1\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
          x.at(std::clamp(*bar.low, chart.low, chart.high)),
          x.at(std::clamp(*bar.high, chart.low, chart.high)), middle, middle);
    }
    html += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", area.width - 54,
                        middle + 4, short_number(bar.value));
  }
  if (chart.mark) {
    html += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        x.at(*chart.mark), x.at(*chart.mark), area.top, area.height - 20, x.at(*chart.mark),
        area.height - 6,
        short_number(*chart.mark));
  }
  return html + "</svg></figure>\n";
}

}  // namespace attune::cli
