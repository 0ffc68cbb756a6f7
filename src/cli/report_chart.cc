#include "cli/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/report_html.h"

namespace attune::cli {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 240;
constexpr double kLeft = 52;
constexpr double kRight = 12;
constexpr double kTop = 12;
constexpr double kBottom = 28;
constexpr int kTickCount = 5;
constexpr size_t kHoverPointsMax = 400;

struct Frame {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  std::vector<double> y_ticks;

  double x(double step) const {
    return kLeft + (step - x_low) / (x_high - x_low) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - (value - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  }
};

bool is_empty(const Chart& chart) {
  return std::all_of(chart.lines.begin(), chart.lines.end(),
                     [](const ChartLine& line) { return line.points.empty(); });
}

Frame frame_of(const Chart& chart) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  Frame frame;
  frame.x_low = low;
  frame.x_high = high;
  for (const ChartLine& line : chart.lines) {
    for (const auto& [step, value] : line.points) {
      low = std::min(low, value);
      high = std::max(high, value);
      frame.x_low = std::min(frame.x_low, static_cast<double>(step));
      frame.x_high = std::max(frame.x_high, static_cast<double>(step));
    }
  }
  if (chart.from_zero) low = std::min(low, 0.0);
  if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {
    double room = high == 0 ? 1.0 : std::abs(high) / 2;
    high += room;
    if (!chart.from_zero) low -= room;
  }
  if (frame.x_high <= frame.x_low) frame.x_high = frame.x_low + 1;
  frame.y_ticks = axis_ticks(low, high, kTickCount);
  frame.y_low = frame.y_ticks.front();
  frame.y_high = frame.y_ticks.back();
  return frame;
}

std::string grid_of(const Frame& frame) {
  std::string svg;
  for (double tick : frame.y_ticks) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        kLeft, kWidth - kRight, frame.y(tick), frame.y(tick), kLeft - 8, frame.y(tick) + 4,
        short_number(tick));
  }
  for (double tick : axis_ticks(frame.x_low, frame.x_high, 6)) {
    if (tick < frame.x_low || tick > frame.x_high || tick != std::floor(tick)) continue;
    svg += fmt::format(
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        frame.x(tick), kHeight - 8, short_number(tick));
  }
  return svg;
}

std::string polyline(const Frame& frame, const std::map<int64_t, double>& points,
                     const std::string& style) {
  std::string svg = fmt::format("<polyline class=\"{}\" points=\"", style);
  for (const auto& [step, value] : points) {
    svg += fmt::format("{:.1f},{:.1f} ", frame.x(static_cast<double>(step)), frame.y(value));
  }
  return svg + "\"/>";
}

std::string dots_of(const Frame& frame, const ChartLine& line, size_t number) {
  std::string svg;
  size_t every = std::max<size_t>(1, line.points.size() / kHoverPointsMax);
  size_t index = 0;
  for (const auto& [step, value] : line.points) {
    if (index++ % every != 0 && !line.marked) continue;
    svg += fmt::format(
        "<circle class=\"{} s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}, step {}: "
        "{}</title></circle>",
        line.marked ? "dot" : "hover", number, frame.x(static_cast<double>(step)), frame.y(value),
        line.marked ? 3.5 : 5.0, escape_html(line.name), step, short_number(value));
  }
  return svg;
}

std::string caption_of(const Chart& chart) {
  std::string html = fmt::format("<figcaption><b>{}</b> <span class=\"note\">{}</span>",
                                 escape_html(chart.title), escape_html(chart.note));
  if (chart.lines.size() > 1) {
    html += "<span class=\"legend\">";
    for (size_t i = 0; i < chart.lines.size(); ++i) {
      if (chart.lines[i].points.empty()) continue;
      html += fmt::format("<span><i class=\"key s{}\"></i>{}</span>", i,
                          escape_html(chart.lines[i].name));
    }
    html += "</span>";
  }
  return html + "</figcaption>";
}

}  // namespace

std::string draw_chart(const Chart& chart) {
  std::string html = "<figure class=\"card\">" + caption_of(chart);
  if (is_empty(chart)) return html + "<p class=\"empty\">nothing measured yet</p></figure>\n";
  Frame frame = frame_of(chart);
  html += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight,
                      escape_html(chart.title));
  html += grid_of(frame);
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    bool pale = line.smoothed && line.points.size() > 8;
    if (line.points.size() > 1) {
      html += polyline(frame, line.points, fmt::format("line s{}{}", i, pale ? " pale" : ""));
    }
    if (pale) html += polyline(frame, running_mean(line.points, 8), fmt::format("line s{}", i));
    html += dots_of(frame, line, i);
  }
  return html + "</svg></figure>\n";
}

std::vector<double> axis_ticks(double low, double high, int count) {
  double range = std::max(high - low, 1e-300);
  double power = std::pow(10.0, std::floor(std::log10(range / count)));
  double step = 10 * power;
  for (double factor : {1.0, 2.0, 5.0}) {
    if (range / (factor * power) <= count) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  double first = std::floor(low / step + 1e-9);
  for (double i = first; ticks.size() < 2 || ticks.back() < high - step * 1e-9; ++i) {
    ticks.push_back(i == 0 ? 0.0 : i * step);
  }
  return ticks;
}

std::string short_number(double value) {
  double size = std::abs(value);
  if (size >= 1e9) return fmt::format("{:.4g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  if (size > 0 && size < 1e-3) return fmt::format("{:.3g}", value);
  return fmt::format("{:.4g}", value);
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
