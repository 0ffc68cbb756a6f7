#include "cli/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json_file.h"
#include "cli/report.h"
#include "cli/report_frame.h"
#include "cli/report_html.h"
#include "cli/report_optimisation.h"

namespace attune::cli {
namespace {

void put_interval(OrderedJson& json, const std::optional<double>& low,
                  const std::optional<double>& high) {
  if (low && high) {
    json["low"] = *low;
    json["high"] = *high;
  }
}

Result<std::optional<double>> optional_number(const Json& json, const char* key) {
  if (find(json, key) == nullptr) return std::optional<double>();
  return std::optional<double>(TRY(get_double(json, key)));
}

Result<Figure> parse_figure(const Json& json) {
  Figure figure;
  figure.name = TRY(get_string(json, "name"));
  figure.value = TRY(get_double(json, "value"));
  figure.low = TRY(optional_number(json, "low"));
  figure.high = TRY(optional_number(json, "high"));
  figure.count = TRY(get_int(json, "count"));
  figure.over = TRY(get_string(json, "over"));
  figure.text = TRY(get_string(json, "text"));
  return figure;
}

Result<NamedCurve> parse_curve(const Json& json) {
  NamedCurve curve{TRY(get_string(json, "name")), {}};
  const Json* points = find(json, "points");
  if (points == nullptr || !points->is_array()) return invalid_input("points: must be a list");
  for (const Json& entry : *points) {
    curve.points.push_back({TRY(get_double(entry, "x")), TRY(get_double(entry, "y")),
                            TRY(optional_number(entry, "low")), TRY(optional_number(entry, "high")),
                            TRY(get_string_or(entry, "label", ""))});
  }
  return curve;
}

bool is_bar(const Evaluation& evaluation, const Figure& figure) {
  return std::find(evaluation.bars.begin(), evaluation.bars.end(), figure.name) !=
         evaluation.bars.end();
}

std::string range_text(const Figure& figure) {
  if (!figure.low || !figure.high) return "";
  return fmt::format("{} to {}", short_number(*figure.low), short_number(*figure.high));
}

std::string figures_table(const Evaluation& evaluation) {
  std::string html =
      "<div class=\"card scroll\"><table><tr><th>Figure</th><th class=\"number\">value</th>"
      "<th class=\"number\">95 % interval</th><th class=\"number\">over</th><th>what it is</th>"
      "</tr>\n";
  for (const Figure& figure : evaluation.figures) {
    html += fmt::format(
        "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>"
        "<td class=\"number\">{} {}</td><td>{}</td></tr>\n",
        escape_html(figure.name), short_number(figure.value), range_text(figure),
        grouped(figure.count), escape_html(figure.over), escape_html(figure.text));
  }
  return html + "</table></div>\n";
}

// From zero over all values and intervals; the bars' figures are beside them.
void set_axis(BarChart* chart) {
  double low = 0;
  double high = 0;
  for (const Bar& bar : chart->bars) {
    for (double value : {bar.value, bar.low.value_or(bar.value), bar.high.value_or(bar.value)}) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  chart->low = low;
  chart->high = high > low ? high : low + 1;
}

std::string pictures(const Evaluation& evaluation) {
  std::string html;
  BarChart bars{evaluation.title, "with 95 % intervals", {}, 0, 1, evaluation.chance};
  for (const Figure& figure : evaluation.figures) {
    if (!is_bar(evaluation, figure) || !std::isfinite(figure.value)) continue;
    bars.bars.push_back({figure.name, figure.value, figure.low, figure.high,
                         fmt::format("{} {}", grouped(figure.count), figure.over)});
  }
  if (!evaluation.bars_are_shares) {
    set_axis(&bars);
    bars.mark = 0;
  }
  if (!bars.bars.empty()) html += draw_bars(bars);
  if (!evaluation.curves.empty()) {
    PointChart chart{evaluation.title, "", evaluation.curves_x, {}};
    for (const NamedCurve& curve : evaluation.curves) {
      PointCurve drawn{curve.name, {}};
      for (const CurvePoint& point : curve.points) {
        drawn.points.push_back({point.x, point.y, point.low, point.high, point.label});
      }
      chart.curves.push_back(std::move(drawn));
    }
    const bool optimised = evaluation.measure == "best_of_n" && chart.curves.size() > 1;
    html += optimised ? draw_optimisation(std::move(chart), feedback::OptimisedBy::kBestOfN)
                      : draw_points(chart);
  }
  return html.empty() ? html : "<div class=\"charts\">\n" + html + "</div>\n";
}

std::string page_of(const std::string& directory, const std::vector<Evaluation>& evaluations) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} · Attune</title>\n<style>{}</style></head>\n<body><main>\n"
      "<header><h1>{}</h1><p class=\"lead\">What was measured</p></header>\n{}"
      "<footer>Made by <code>attune evaluate</code>.</footer>\n</main></body></html>\n",
      escape_html(directory), report_style(), escape_html(directory),
      draw_evaluations(evaluations));
}

}  // namespace

feedback::BootstrapOptions bootstrap_options(const Json& config) {
  feedback::BootstrapOptions options;
  options.seed = config["seed"].get<uint64_t>();
  return options;
}

Figure Figure::of(std::string name, const std::optional<feedback::Interval>& interval,
                  std::string over, std::string text) {
  Figure figure;
  figure.name = std::move(name);
  figure.over = std::move(over);
  figure.text = std::move(text);
  if (!interval) {
    figure.value = std::nan("");
    return figure;
  }
  figure.value = interval->estimate;
  figure.low = interval->low;
  figure.high = interval->high;
  figure.count = interval->units;
  return figure;
}

OrderedJson to_json(const Evaluation& evaluation) {
  OrderedJson json = {{"measure", evaluation.measure},
                      {"title", evaluation.title},
                      {"text", evaluation.text},
                      {"settings", OrderedJson(evaluation.settings)},
                      {"figures", OrderedJson::array()}};
  for (const Figure& figure : evaluation.figures) {
    if (!std::isfinite(figure.value)) continue;  // not defined on these data
    OrderedJson entry = {{"name", figure.name}, {"value", figure.value}};
    put_interval(entry, figure.low, figure.high);
    entry["count"] = figure.count;
    entry["over"] = figure.over;
    entry["text"] = figure.text;
    json["figures"].push_back(std::move(entry));
  }
  if (!evaluation.bars.empty()) json["bars"] = evaluation.bars;
  if (!evaluation.bars_are_shares) json["bars_are_shares"] = false;
  if (evaluation.chance) json["chance"] = *evaluation.chance;
  if (evaluation.curves.empty()) return json;
  json["curves_x"] = evaluation.curves_x;
  json["curves"] = OrderedJson::array();
  for (const NamedCurve& curve : evaluation.curves) {
    OrderedJson points = OrderedJson::array();
    for (const CurvePoint& point : curve.points) {
      OrderedJson entry = {{"x", point.x}, {"y", point.y}};
      put_interval(entry, point.low, point.high);
      if (!point.label.empty()) entry["label"] = point.label;
      points.push_back(std::move(entry));
    }
    json["curves"].push_back({{"name", curve.name}, {"points", std::move(points)}});
  }
  return json;
}

Result<Evaluation> parse_evaluation(const Json& value) {
  Evaluation evaluation;
  evaluation.measure = TRY(get_string(value, "measure"));
  evaluation.title = TRY(get_string(value, "title"));
  evaluation.text = TRY(get_string(value, "text"));
  if (const Json* settings = find(value, "settings")) evaluation.settings = *settings;
  const Json* figures = find(value, "figures");
  if (figures == nullptr || !figures->is_array()) return invalid_input("figures: must be a list");
  for (const Json& figure : *figures) evaluation.figures.push_back(TRY(parse_figure(figure)));
  if (const Json* bars = find(value, "bars"); bars != nullptr && bars->is_array()) {
    for (const Json& bar : *bars) {
      if (bar.is_string()) evaluation.bars.push_back(bar.get<std::string>());
    }
  }
  evaluation.bars_are_shares = TRY(get_bool_or(value, "bars_are_shares", true));
  evaluation.chance = TRY(optional_number(value, "chance"));
  evaluation.curves_x = TRY(get_string_or(value, "curves_x", ""));
  if (const Json* curves = find(value, "curves"); curves != nullptr && curves->is_array()) {
    for (const Json& curve : *curves) evaluation.curves.push_back(TRY(parse_curve(curve)));
  }
  return evaluation;
}

std::string draw_evaluations(const std::vector<Evaluation>& evaluations) {
  std::string html;
  for (const Evaluation& evaluation : evaluations) {
    html += fmt::format("<h2>{}</h2>\n<p class=\"note\">{}</p>\n", escape_html(evaluation.title),
                        escape_html(evaluation.text));
    html += pictures(evaluation) + figures_table(evaluation);
    if (evaluation.settings.is_object() && !evaluation.settings.empty()) {
      std::vector<std::pair<std::string, std::string>> rows;
      for (const auto& [key, setting] : evaluation.settings.items()) {
        rows.emplace_back(key, plain_text(setting));
      }
      html += "<details class=\"how\"><summary>How it was measured</summary>\n" + draw_pairs(rows) +
              "</details>\n";
    }
  }
  return html;
}

Result<std::vector<Evaluation>> read_evaluations(const std::string& directory) {
  std::vector<Evaluation> evaluations;
  const std::string folder = join_path(directory, "evaluations");
  if (!is_directory(folder)) return evaluations;
  std::vector<std::string> names = TRY(list_directory(folder));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    const std::string path = join_path(folder, name);
    auto evaluation = parse_evaluation(TRY(read_json_file(path)));
    if (!evaluation.ok()) return evaluation.error().with_context(path);
    evaluations.push_back(std::move(*evaluation));
  }
  return evaluations;
}

Result<std::string> write_evaluation(const std::string& directory, const std::string& name,
                                     const Evaluation& evaluation) {
  const std::string folder = join_path(directory, "evaluations");
  TRY(make_directories(folder));
  TRY(write_file(join_path(folder, name + ".json"), to_json(evaluation).dump(2) + "\n"));
  if (exists(join_path(directory, "events.jsonl"))) return write_report(directory);
  const std::string path = join_path(directory, "report.html");
  const std::vector<Evaluation> all = TRY(read_evaluations(directory));
  TRY(write_file(path, page_of(directory, all)));
  return path;
}

std::string to_text(const Evaluation& evaluation) {
  size_t width = 0;
  for (const Figure& figure : evaluation.figures) width = std::max(width, figure.name.size());
  std::string text;
  for (const Figure& figure : evaluation.figures) {
    if (!std::isfinite(figure.value)) continue;
    const std::string range = range_text(figure);
    text += fmt::format("{:<{}}  {:>9}  {:<20}  {} {}\n", figure.name, width,
                        short_number(figure.value), range.empty() ? "" : "(" + range + ")",
                        grouped(figure.count), figure.over);
  }
  return text;
}

}  // namespace attune::cli
