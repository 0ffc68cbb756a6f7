#include "cli/report_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/report_chart.h"
#include "cli/report_html.h"
#include "cli/report_optimisation.h"

namespace attune::cli {
namespace {

struct MetricLine {
  const char* metric;
  const char* name;
};

struct MetricChart {
  const char* title;
  const char* note;
  std::vector<MetricLine> lines;
  bool from_zero = false;
  bool smoothed = true;  // not what is set beforehand
};

// What methods measure of what they are for, in the order of the page.
const std::vector<MetricChart>& learning_charts() {
  static const std::vector<MetricChart> charts = {
      {"Accuracy", "share of pairs whose chosen answer has the higher reward",
       {{"rewards/accuracies", "accuracy"}, {"accuracy", "accuracy"}}, true},
      {"Margin", "reward of the chosen answer minus that of the rejected one",
       {{"rewards/margins", "margin"}, {"margin", "margin"}}},
      {"Rewards", "implicit: beta times the log-ratio to the reference",
       {{"rewards/chosen", "chosen"}, {"rewards/rejected", "rejected"}}},
      {"Log-probabilities", "nats an answer",
       {{"logps/chosen", "chosen"}, {"logps/rejected", "rejected"}}},
      {"Rewards", "of the model's scores",
       {{"max_reward", "highest"}, {"mean_reward", "mean"}, {"min_reward", "lowest"}}},
      {"Calibration", "expected error of the model's confidence", {{"ece", "error"}}, true},
      {"Reward", "mean of the answers",
       {{"objective/scores", "score"}, {"objective/rlhf_reward", "score less the KL penalty"},
        {"reward", "reward"}}},
      {"Distance from the reference", "KL in nats an answer", {{"objective/kl", "KL"}}},
      {"Distance from the reference", "KL in nats a token", {{"kl", "KL"}}},
      {"Margin of the two answers", "difference of their scores",
       {{"objective/scores_margin", "margin"}}, true},
      {"Rewards within a group", "deviation, and share of prompts whose answers score alike",
       {{"reward_std", "deviation"}, {"frac_reward_zero_std", "all alike"}}, true},
      {"Length of answers", "tokens",
       {{"completions/mean_length", "mean"}, {"completions/max_length", "longest"}}, true},
      {"Entropy of answers", "nats an answer", {{"objective/entropy", "entropy"}}, true},
      {"Value", "loss of the value model", {{"loss/value_avg", "loss"}}, true},
      {"Token accuracy", "share of tokens that were the most probable",
       {{"mean_token_accuracy", "accuracy"}}, true},
      {"Entropy", "nats a token", {{"entropy", "entropy"}}, true},
  };
  return charts;
}

// How the optimisation went.
const std::vector<MetricChart>& running_charts() {
  static const std::vector<MetricChart> charts = {
      {"Size of an update", "KL between the policy before and after, nats a token",
       {{"policy/approxkl_avg", "KL"}}, true},
      {"Clipping", "share of tokens whose ratio was cut",
       {{"policy/clipfrac_avg", "policy"}, {"val/clipfrac_avg", "value"},
        {"clip_ratio/region_mean", "policy"}},
       true},
      {"Gradient norm", "before clipping", {{"grad_norm", "gradient norm"}}, true},
      {"Learning rate", "at each step", {{"learning_rate", "learning rate"}}, true,
       /*smoothed=*/false},
  };
  return charts;
}

// Counts that say where a run is, not how it goes.
const std::set<std::string>& bookkeeping() {
  static const std::set<std::string> names = {"epoch",    "rows",    "trained_tokens", "pairs",
                                              "rankings", "episode", "ppo/updates"};
  return names;
}

// A picture of the metrics that the run has; training and held-out values of one metric have one
// colour where there are several.
Chart chart_of(const RunData& run, const MetricChart& wanted) {
  Chart chart{.title = wanted.title, .note = wanted.note, .from_zero = wanted.from_zero};
  std::vector<MetricLine> lines;
  for (const MetricLine& line : wanted.lines) {
    if (!run.curve(line.metric).empty() || !run.held_out(line.metric).empty()) {
      lines.push_back(line);
    }
  }
  const bool several = lines.size() > 1;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string name = lines[i].name;
    const Curve& trained = run.curve(lines[i].metric);
    const Curve& held_out = run.held_out(lines[i].metric);
    if (!trained.empty()) {
      chart.lines.push_back({.name = several ? name : "training", .points = trained,
                             .smoothed = wanted.smoothed, .colour = i});
    }
    if (!held_out.empty()) {
      chart.lines.push_back({.name = several ? name + ", held out" : "held out",
                             .points = held_out, .marked = true, .dashed = several,
                             .colour = several ? i : 1});
    }
  }
  return chart;
}

std::string draw_known(const RunData& run, const std::vector<MetricChart>& charts) {
  std::string html;
  for (const MetricChart& wanted : charts) {
    const Chart chart = chart_of(run, wanted);
    if (!chart.lines.empty()) html += draw_chart(chart);
  }
  return html;
}

bool samples_answers(const RunData& run) {
  return !run.curve("objective/scores").empty() || !run.curve("reward").empty();
}

// Only supervised fine-tuning has a loss of so many nats a token; an on-policy loss is a direction,
// not a level.
std::string loss_note(const RunData& run) {
  if (run.recipe == "sft") return "nats per token, lower is better";
  if (samples_answers(run)) return "of " + run.recipe + "; the reward says how it goes, not this";
  return run.recipe.empty() ? "lower is better" : "of " + run.recipe + ", lower is better";
}

std::string learning_part(const RunData& run) {
  const std::string note = loss_note(run);
  const MetricChart loss{"Loss", note.c_str(), {{"loss", "loss"}}};
  Chart chart = chart_of(run, loss);
  const std::string known = draw_known(run, learning_charts());
  std::string html = "<h2>Did it learn?</h2>\n<div class=\"charts\">\n";
  return html + (samples_answers(run) ? known + draw_chart(chart) : draw_chart(chart) + known) +
         "</div>\n";
}

// Metrics that stand in no picture above.
std::string other_metrics(const RunData& run) {
  std::set<std::string> shown = {"loss"};
  for (const auto* charts : {&learning_charts(), &running_charts()}) {
    for (const MetricChart& chart : *charts) {
      for (const MetricLine& line : chart.lines) shown.insert(line.metric);
    }
  }
  std::set<std::string> others;
  for (const auto* metrics : {&run.metrics, &run.held_out_metrics}) {
    for (const auto& [name, curve] : *metrics) {
      const bool known = shown.contains(name) || bookkeeping().contains(name);
      if (!known && !name.starts_with("gold/")) others.insert(name);
    }
  }
  if (others.empty()) return "";
  std::string html = fmt::format(
      "<details><summary><h2>Other metrics ({})</h2></summary>\n<div class=\"charts\">\n",
      others.size());
  for (const std::string& name : others) {
    html += draw_chart(chart_of(run, {name.c_str(), "", {{name.c_str(), name.c_str()}}}));
  }
  return html + "</div></details>\n";
}

std::string running_part(const RunData& run) {
  std::string html = "<h2>How did it go?</h2>\n<div class=\"charts\">\n";
  html += draw_known(run, running_charts());
  html += draw_chart({.title = "Throughput",
                      .note = "tokens per second",
                      .lines = {{.name = "tokens/s", .points = run.throughput, .smoothed = true}},
                      .from_zero = true});
  return html + "</div>\n";
}

// A point for each evaluation, by the root of its KL.
PointCurve gold_curve(const RunData& run, const std::string& metric, const std::string& name) {
  const Curve& kl = run.held_out("gold/kl");
  const Curve& errors = run.held_out(metric + "_error");
  PointCurve curve{name, {}};
  for (const auto& [step, value] : run.held_out(metric)) {
    const auto distance = kl.find(step);
    if (distance == kl.end()) continue;
    // An estimate of the KL is below zero now and then; a distance is not.
    PointValue point{std::sqrt(std::max(distance->second, 0.0)), value};
    point.label = fmt::format("step {}", step);
    if (const auto error = errors.find(step); error != errors.end()) {
      point.low = value - 1.96 * error->second;
      point.high = value + 1.96 * error->second;
    }
    curve.points.push_back(std::move(point));
  }
  std::stable_sort(curve.points.begin(), curve.points.end(),
                   [](const PointValue& one, const PointValue& two) { return one.x < two.x; });
  return curve;
}

std::string optimisation_part(const RunData& run) {
  if (run.held_out("gold/scores").empty()) return "";
  PointChart chart{"Over-optimisation", "rewards of held-out answers, with 95 % intervals of gold",
                   "d: root of the KL from the reference, nats", {}};
  chart.curves = {gold_curve(run, "gold/scores", "gold"), gold_curve(run, "gold/proxy", "proxy")};
  return "<h2>Is the reward being gamed?</h2>\n<div class=\"charts\">\n" +
         draw_optimisation(std::move(chart), feedback::OptimisedBy::kReinforcement) + "</div>\n";
}

}  // namespace

Headline headline_of(const RunData& run) {
  const auto has = [&](const char* metric) {
    return !run.curve(metric).empty() || !run.held_out(metric).empty();
  };
  for (const char* accuracy : {"rewards/accuracies", "accuracy"}) {
    if (has(accuracy)) return {accuracy, "accuracy", false};
  }
  for (const char* reward : {"objective/scores", "reward"}) {
    if (has(reward)) return {reward, "reward", false};
  }
  return {};
}

std::string draw_metrics(const RunData& run) {
  return learning_part(run) + optimisation_part(run) + running_part(run) + other_metrics(run);
}

}  // namespace attune::cli
