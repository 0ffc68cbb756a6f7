#include "cli/report_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/report_html.h"

namespace attune::cli {
namespace {

constexpr double kFlat = 1e-3;   // of the values: a smaller range shows nothing but noise
constexpr double kRoom = 5e-2;   // of the values: what they get on both sides then

// A range that can be drawn.
void widen(double* low, double* high) {
  const double size = std::max(std::abs(*low), std::abs(*high));
  if (*high - *low >= kFlat * size && *high > *low) return;
  const double middle = (*low + *high) / 2;
  const double room = size == 0 ? 1.0 : kRoom * size;
  *low = middle - room;
  *high = middle + room;
}

struct Unit {
  double scale = 1;
  std::string suffix = {};
};

Unit unit_of(double size) {
  if (size >= 1e9) return {1e9, "G"};
  if (size >= 1e6) return {1e6, "M"};
  if (size >= 1e4) return {1e3, "k"};
  if (size >= 1e-3 || size == 0) return {};
  const double exponent = std::floor(std::log10(size) + 1e-9);
  return {std::pow(10.0, exponent), fmt::format("e{:.0f}", exponent)};
}

}  // namespace

Axis axis_over(double low, double high, double begin, double end, const AxisOptions& options) {
  if (options.from_zero) {
    low = std::min(low, 0.0);
    high = low == 0 && high <= 0 ? 1.0 : std::max(high, 0.0);
  } else if (options.whole) {
    high = std::max(high, low + 1);
  } else {
    widen(&low, &high);
  }
  Axis axis{low, high, begin, end, axis_ticks(low, high, options.count)};
  if (options.whole) {
    std::erase_if(axis.ticks, [&](double tick) {
      return tick < low || tick > high || tick != std::floor(tick);
    });
  } else {
    axis.low = axis.ticks.front();
    axis.high = axis.ticks.back();
  }
  axis.labels = tick_labels(axis.ticks);
  return axis;
}

std::string draw_grid(const Area& area, const Axis& x, const Axis& y, const std::string& x_name) {
  std::string svg;
  for (size_t i = 0; i < y.ticks.size(); ++i) {
    const double at = y.at(y.ticks[i]);
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        area.left, area.width - area.right, at, at, area.left - 8, at + 4, y.labels[i]);
  }
  for (size_t i = 0; i < x.ticks.size(); ++i) {
    svg += fmt::format(
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        x.at(x.ticks[i]), area.height - area.bottom + 18, x.labels[i]);
  }
  if (x_name.empty()) return svg;
  return svg + fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" "
                           "y=\"{:.1f}\">{}</text>",
                           (area.left + area.width - area.right) / 2, area.height - 4,
                           escape_html(x_name));
}

std::string open_drawing(const Area& area, const std::string& name) {
  return fmt::format("<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">", area.width,
                     area.height, escape_html(name));
}

std::string draw_caption(const std::string& title, const std::string& note,
                         const std::vector<LegendKey>& keys) {
  std::string html = fmt::format("<figcaption><b>{}</b> <span class=\"note\">{}</span>",
                                 escape_html(title), escape_html(note));
  if (keys.size() > 1) {
    html += "<span class=\"legend\">";
    for (const LegendKey& key : keys) {
      html += fmt::format("<span><i class=\"key s{}{}\"></i>{}</span>", key.colour % kColours,
                          key.dashed ? " dashed" : "", escape_html(key.name));
    }
    html += "</span>";
  }
  return html + "</figcaption>";
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

std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  if (ticks.size() < 2) {
    return ticks.empty() ? std::vector<std::string>() : std::vector{short_number(ticks[0])};
  }
  const Unit unit = unit_of(std::max(std::abs(ticks.front()), std::abs(ticks.back())));
  const double step = (ticks[1] - ticks[0]) / unit.scale;
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  std::vector<std::string> labels;
  for (double tick : ticks) {
    labels.push_back(
        tick == 0 ? "0" : fmt::format("{:.{}f}{}", tick / unit.scale, decimals, unit.suffix));
  }
  return labels;
}

std::string short_number(double value) {
  double size = std::abs(value);
  if (size >= 1e9) return fmt::format("{:.4g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  if (size > 0 && size < 1e-3) return fmt::format("{:.3g}", value);
  return fmt::format("{:.4g}", value);
}

}  // namespace attune::cli
