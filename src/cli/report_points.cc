#include "cli/report_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/report_chart.h"
#include "cli/report_html.h"

namespace attune::cli {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 240;
constexpr double kLeft = 52;
constexpr double kRight = 12;
constexpr double kTop = 12;
constexpr double kBottom = 40;
constexpr double kBarNames = 170;  // room for the names beside bars
constexpr double kBarHeight = 26;
constexpr size_t kColours = 2;     // s0, s1 of the style sheet

struct Axis {
  double low = 0;
  double high = 1;
  double begin = 0;  // where `low` lies
  double end = 1;
  std::vector<double> ticks = {};

  double at(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
};

Axis axis_over(double low, double high, double begin, double end) {
  if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {
    const double room = high == 0 ? 1.0 : std::abs(high) / 2;
    low -= room;
    high += room;
  }
  Axis axis{low, high, begin, end, axis_ticks(low, high, 5)};
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  return axis;
}

std::string interval_text(double value, const std::optional<double>& low,
                          const std::optional<double>& high) {
  if (!low || !high) return short_number(value);
  return fmt::format("{} ({} to {})", short_number(value), short_number(*low),
                     short_number(*high));
}

std::string caption(const std::string& title, const std::string& note) {
  return fmt::format("<b>{}</b> <span class=\"note\">{}</span>", escape_html(title),
                     escape_html(note));
}

struct Span {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::string curve_svg(const PointCurve& curve, const Axis& x, const Axis& y, size_t colour) {
  std::string line;
  std::string marks;
  for (const PointValue& point : curve.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    const double px = x.at(point.x);
    line += fmt::format("{:.1f},{:.1f} ", px, y.at(point.y));
    if (point.low && point.high) {
      marks += fmt::format(
          "<line class=\"line s{} pale\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
          colour, px, px, y.at(*point.low), y.at(*point.high));
    }
    marks += fmt::format(
        "<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>{}{}{}: {}</title>"
        "</circle>",
        colour, px, y.at(point.y), escape_html(curve.name), point.label.empty() ? "" : ", ",
        escape_html(point.label), interval_text(point.y, point.low, point.high));
  }
  return fmt::format("<polyline class=\"line s{}\" points=\"{}\"/>", colour, line) + marks;
}

std::string axes_svg(const Axis& x, const Axis& y, const std::string& x_name) {
  std::string svg;
  for (double tick : y.ticks) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        kLeft, kWidth - kRight, y.at(tick), y.at(tick), kLeft - 8, y.at(tick) + 4,
        short_number(tick));
  }
  for (double tick : x.ticks) {
    svg += fmt::format(
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        x.at(tick), kHeight - kBottom + 16, short_number(tick));
  }
  return svg + fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" "
                           "y=\"{:.1f}\">{}</text>",
                           (kLeft + kWidth - kRight) / 2, kHeight - 6, escape_html(x_name));
}

std::string legend(const std::vector<PointCurve>& curves) {
  if (curves.size() < 2) return "";
  std::string html = "<span class=\"legend\">";
  for (size_t i = 0; i < curves.size(); ++i) {
    html += fmt::format("<span><i class=\"key s{}\"></i>{}</span>", i % kColours,
                        escape_html(curves[i].name));
  }
  return html + "</span>";
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
  std::string html = "<figure class=\"card\"><figcaption>" + caption(chart.title, chart.note);
  html += legend(chart.curves) + "</figcaption>";
  if (xs.low > xs.high) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  const Axis x = axis_over(xs.low, xs.high, kLeft, kWidth - kRight);
  const Axis y = axis_over(ys.low, ys.high, kHeight - kBottom, kTop);
  html += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight,
                      escape_html(chart.title));
  html += axes_svg(x, y, chart.x_name);
  for (size_t i = 0; i < chart.curves.size(); ++i) {
    html += curve_svg(chart.curves[i], x, y, i % kColours);
  }
  return html + "</svg></figure>\n";
}

std::string draw_bars(const BarChart& chart) {
  std::string html =
      "<figure class=\"card\"><figcaption>" + caption(chart.title, chart.note) + "</figcaption>";
  if (chart.bars.empty()) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  const double height = kTop + kBarHeight * static_cast<double>(chart.bars.size()) + 24;
  const Axis x{chart.low, chart.high, kBarNames, kWidth - 60, {}};
  html += fmt::format("<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">", kWidth,
                      height, escape_html(chart.title));
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double top = kTop + kBarHeight * static_cast<double>(i);
    const double middle = top + kBarHeight / 2;
    const double value = std::clamp(bar.value, chart.low, chart.high);
    html += fmt::format(
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}<title>{}</title>"
        "</text><line class=\"line s0\" style=\"stroke-width:12;stroke-linecap:butt\" x1=\"{:.1f}\""
        " x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"><title>{}</title></line>",
        kBarNames - 8, middle + 4, escape_html(bar.name), escape_html(bar.detail), x.at(chart.low),
        x.at(value), middle, middle, interval_text(bar.value, bar.low, bar.high));
    if (bar.low && bar.high) {
      html += fmt::format(
          "<line class=\"line s1\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
          x.at(std::clamp(*bar.low, chart.low, chart.high)),
          x.at(std::clamp(*bar.high, chart.low, chart.high)), middle, middle);
    }
    html += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", kWidth - 54,
                        middle + 4, short_number(bar.value));
  }
  if (chart.mark) {
    html += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        x.at(*chart.mark), x.at(*chart.mark), kTop, height - 20, x.at(*chart.mark), height - 6,
        short_number(*chart.mark));
  }
  return html + "</svg></figure>\n";
}

}  // namespace attune::cli
