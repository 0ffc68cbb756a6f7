// What one call of `attune evaluate` measured: figures with their intervals, and the pictures that
// show them. Written as JSON beside a page that draws it; a run's report shows the evaluations of
// its directory.
//
//   DIRECTORY/evaluations/NAME.json     the figures, one file a measurement
//   DIRECTORY/report.html               of a run: its report with them; otherwise a page of them
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "feedback/bootstrap.h"

namespace attune::cli {

// What the intervals of one call are drawn with: its own `seed`.
feedback::BootstrapOptions bootstrap_options(const Json& config);

struct Figure {
  std::string name;   // "perplexity", "win_rate"
  double value = 0;
  std::optional<double> low = {};  // 95 % interval, both or none
  std::optional<double> high = {};
  int64_t count = 0;  // of what the value is over
  std::string over;   // "tokens", "pairs", "prompts"
  std::string text;   // what it is, for people

  static Figure of(std::string name, const std::optional<feedback::Interval>& interval,
                   std::string over, std::string text);
};

// Points of a curve: [{"x", "y", "low", "high"}] under a name.
struct CurvePoint {
  double x = 0;
  double y = 0;
  std::optional<double> low = {};
  std::optional<double> high = {};
  std::string label = {};
};
struct NamedCurve {
  std::string name;
  std::vector<CurvePoint> points;
};

struct Evaluation {
  std::string measure;  // "perplexity"
  std::string title;    // of its section in the report
  std::string text;     // one sentence: how it was measured
  Json settings;        // models, data, judge
  std::vector<Figure> figures;
  // Which of the figures are drawn side by side as bars; the others are in the table alone. Their
  // axis: shares from 0 to 1, or, of figures that have no bounds, what they and their intervals
  // need, from zero.
  std::vector<std::string> bars = {};
  bool bars_are_shares = true;
  std::optional<double> chance = {};  // a line across the bars
  std::vector<NamedCurve> curves = {};
  std::string curves_x = {};  // name of their axis
};

OrderedJson to_json(const Evaluation& evaluation);
Result<Evaluation> parse_evaluation(const Json& value);

// The sections of a report; "" without evaluations.
std::string draw_evaluations(const std::vector<Evaluation>& evaluations);

// DIRECTORY/evaluations/*.json in the order of their names; a damaged file is an error naming it.
Result<std::vector<Evaluation>> read_evaluations(const std::string& directory);

// Writes NAME.json and brings report.html up to date; returns the report's path.
Result<std::string> write_evaluation(const std::string& directory, const std::string& name,
                                     const Evaluation& evaluation);

// For standard output: one line a figure.
std::string to_text(const Evaluation& evaluation);

}  // namespace attune::cli
