// Best-of-n and over-optimisation curves (evaluate_measures.h).
#include <fmt/format.h>

#include <cmath>

#include "cli/answer_judge.h"
#include "cli/evaluate_measures.h"
#include "cli/evaluate_rows.h"
#include "feedback/best_of_n.h"
#include "feedback/bootstrap.h"

namespace attune::cli {
namespace {

// rewards[prompt][answer]
Result<std::vector<std::vector<double>>> rewards_of(
    const Json& judge_config, const std::vector<PromptRow>& prompts,
    const std::vector<std::vector<ModelAnswer>>& answers) {
  AnswerJudge judge = TRY(AnswerJudge::start(judge_config));
  std::vector<std::vector<double>> rewards;
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<JudgedAnswer> judged;
    for (const ModelAnswer& answer : answers[i]) judged.push_back({answer.text, answer.ended});
    auto own = judge.rewards(prompts[i].prompt, judged);
    if (!own.ok()) return own.error().with_context(prompts[i].place);
    rewards.push_back(std::move(*own));
  }
  return rewards;
}

Json gold_config(Json config) {
  config["reward_model"] = config["gold_reward_model"];
  config["reward_command"] = config["gold_reward_command"];
  config["reward_weights"] = nullptr;
  return config;
}

// The mean over prompts of the best of n by proxy, under `gold`, for every n.
NamedCurve curve_of(const std::string& name, const std::vector<std::vector<double>>& proxy,
                    const std::vector<std::vector<double>>& gold, uint64_t seed) {
  std::vector<std::vector<double>> by_prompt;
  for (size_t i = 0; i < proxy.size(); ++i) {
    by_prompt.push_back(feedback::best_of_n_rewards(proxy[i], gold[i]));
  }
  NamedCurve curve{name, {}};
  feedback::BootstrapOptions options;
  options.seed = seed;
  for (size_t n = 1; n <= by_prompt[0].size(); ++n) {
    std::vector<double> values;
    for (const auto& rewards : by_prompt) values.push_back(rewards[n - 1]);
    const auto mean = feedback::bootstrap_mean(values, options);
    const double kl = feedback::best_of_n_kl(static_cast<int64_t>(n));
    curve.points.push_back(
        {std::sqrt(kl), mean->estimate, mean->low, mean->high, fmt::format("best of {}", n)});
  }
  return curve;
}

Figure last_figure(const NamedCurve& curve, const std::string& name, const std::string& text,
                   size_t prompts) {
  const CurvePoint& point = curve.points.back();
  return {name, point.y, point.low, point.high, static_cast<int64_t>(prompts), "prompts", text};
}

}  // namespace

Result<Evaluation> measure_best_of_n(const Json& config) {
  const std::vector<PromptRow> prompts = TRY(read_prompts(config));
  const auto samples = config["best_of"].get<int64_t>();
  const auto answers = TRY(answers_of(config, prompts, samples));
  const auto proxy = TRY(rewards_of(config, prompts, answers));
  const auto seed = config["seed"].get<uint64_t>();
  Evaluation evaluation;
  evaluation.title = "Best of n";
  evaluation.text =
      "Reward of the best of n answers, chosen by the proxy reward; unbiased over the answers that "
      "were sampled, over the root of KL = ln n - (n-1)/n.";
  evaluation.curves_x = "root of the KL from the model, nats";
  evaluation.curves.push_back(curve_of("proxy reward", proxy, proxy, seed));
  evaluation.figures.push_back(last_figure(evaluation.curves[0], "proxy",
                                           fmt::format("proxy reward at n = {}", samples),
                                           prompts.size()));
  const bool has_gold = !config["gold_reward_model"].is_null() ||
                        !config["gold_reward_command"].is_null();
  if (!has_gold) return evaluation;
  const auto gold = TRY(rewards_of(gold_config(config), prompts, answers));
  evaluation.curves.push_back(curve_of("gold reward", proxy, gold, seed));
  const NamedCurve& curve = evaluation.curves.back();
  evaluation.figures.push_back(last_figure(
      curve, "gold", fmt::format("gold reward at n = {}", samples), prompts.size()));
  size_t best = 0;
  for (size_t n = 0; n < curve.points.size(); ++n) {
    if (curve.points[n].y > curve.points[best].y) best = n;
  }
  Figure peak;
  peak.name = "gold_peak";
  peak.value = static_cast<double>(best + 1);
  peak.count = static_cast<int64_t>(prompts.size());
  peak.over = "prompts";
  peak.text = "the n with the highest mean gold reward; below the largest n the proxy is being "
              "over-optimised";
  evaluation.figures.push_back(std::move(peak));
  return evaluation;
}

}  // namespace attune::cli
