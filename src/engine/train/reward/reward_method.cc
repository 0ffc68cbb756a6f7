#include "engine/train/reward/reward_method.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "engine/models/score_head.h"
#include "engine/objectives/plackett_luce.h"

namespace attune::engine::train {
namespace {

constexpr int64_t kEvaluationTokens = 8192;  // of a pass; no activations are kept

objectives::Ranking ranking_of(const TreeRow& row, int64_t first_branch) {
  objectives::Ranking ranking;
  for (size_t i = 0; i < row.ranks.size(); ++i) {
    ranking.completions.push_back(first_branch + static_cast<int64_t>(i));
    ranking.ranks.push_back(row.ranks[i].value_or(objectives::kUnranked));
  }
  return ranking;
}

// Preferences of a pass, with what may come with them.
struct PreferenceRows {
  std::vector<int64_t> chosen, rejected;
  std::vector<double> margin, probability;

  void add(const TreeRow& row, int64_t first_branch) {
    chosen.push_back(first_branch);
    rejected.push_back(first_branch + 1);
    margin.push_back(row.margin.value_or(0));
    probability.push_back(row.chosen_probability.value_or(1));
  }

  Tensor losses(const Tensor& scores, const objectives::ScoreRegularisers& regularisers) const {
    const auto pick = [&](const std::vector<int64_t>& branches) {
      return at::index_select(scores, 0, at::tensor(branches, at::kLong));
    };
    const auto given = [](const std::vector<double>& values, double absent) {
      const bool none = std::all_of(values.begin(), values.end(),
                                    [&](double value) { return value == absent; });
      return none ? Tensor() : at::tensor(values, at::kDouble);
    };
    return objectives::pairwise_losses(pick(chosen), pick(rejected), given(margin, 0),
                                       given(probability, 1), regularisers);
  }
};

// As TRL counts: right when strictly above.
void add_pair_metrics(const TreeRow& row, const float* scores, PassResult* result) {
  Mean& accuracy = result->means["accuracy"];
  Mean& margin = result->means["margin"];
  for (size_t i = 0; i < row.ranks.size(); ++i) {
    for (size_t j = 0; j < row.ranks.size(); ++j) {
      if (!row.ranks[i] || !row.ranks[j] || *row.ranks[i] >= *row.ranks[j]) continue;
      accuracy.sum += scores[i] > scores[j] ? 1 : 0;
      margin.sum += static_cast<double>(scores[i]) - static_cast<double>(scores[j]);
      ++accuracy.count;
      ++margin.count;
    }
  }
}

}  // namespace

Result<RewardOptions> read_reward_options(const Json& config) {
  RewardOptions options;
  const std::string loss = TRY(get_string_or(config, "loss_type", "kwise"));
  if (loss == "plackett_luce") {
    options.loss = RewardLoss::kPlackettLuce;
  } else if (loss != "kwise" && loss != "pairwise") {
    return invalid_input("loss_type: {} is unknown; use kwise, pairwise or plackett_luce", loss);
  }
  const std::string average = TRY(get_string_or(config, "kwise_average", "ranking"));
  if (average == "pair") {
    options.average = objectives::PairAverage::kPerPair;
  } else if (average != "ranking") {
    return invalid_input("kwise_average: {} is unknown; use ranking or pair", average);
  }
  const std::string ties = TRY(get_string_or(config, "ranking_ties", "skip"));
  if (ties == "half") {
    options.ties = objectives::TieRule::kHalf;
  } else if (ties != "skip") {
    return invalid_input("ranking_ties: {} is unknown; use skip or half", ties);
  }
  options.regularisers.centre = TRY(get_double_or(config, "center_rewards_coefficient", 0));
  options.regularisers.magnitude = TRY(get_double_or(config, "reward_magnitude_coefficient", 0));
  if (options.loss != RewardLoss::kPlackettLuce) return options;
  if (options.regularisers.centre != 0 || options.regularisers.magnitude != 0) {
    return invalid_input(
        "loss_type: plackett_luce has no pairs that center_rewards_coefficient or "
        "reward_magnitude_coefficient could act on; leave them out, or use kwise");
  }
  if (options.ties == objectives::TieRule::kHalf) {
    return invalid_input("ranking_ties: half makes pairs of tied answers, which plackett_luce does "
                         "not look at; use skip, or kwise");
  }
  return options;
}

RewardMethod::RewardMethod(models::Decoder& decoder, const RewardOptions& options,
                           TreeMethodOptions tree, std::vector<TreeRow> train,
                           std::vector<TreeRow> evaluation)
    : TreeMethod(decoder, tree, std::move(train), std::move(evaluation)),
      options_(options),
      adapters_(tree.adapters) {
  CHECK(tree.batch.scores && !tree.batch.log_probs, "a reward model asks for scores alone");
}

bool RewardMethod::counts_pairs() const {
  return options_.loss == RewardLoss::kKwise &&
         options_.average == objectives::PairAverage::kPerPair;
}

const char* RewardMethod::unit_name() const { return counts_pairs() ? "pairs" : "rankings"; }

int64_t RewardMethod::row_units(Split split, int64_t row) const {
  const TreeRow& found = row_at(split, row);
  if (!counts_pairs() || found.form == data::Form::kPreference) return 1;
  return objectives::pair_count(ranking_of(found, 0), options_.ties);
}

RewardMethod::Scored RewardMethod::score(Split split, const std::vector<int64_t>& rows,
                                         const PassOptions& options) {
  Scored scored;
  scored.pass = forward(split, rows, options);
  scored.scores =
      models::branch_scores(decoder(), scored.pass.batch, scored.pass.hidden, adapters_);
  return scored;
}

// The sum of the rows' losses, to be divided by the step's units.
Tensor RewardMethod::total_loss(Split split, const std::vector<int64_t>& rows,
                                const Scored& scored) const {
  PreferenceRows pairs;
  std::vector<objectives::Ranking> rankings;
  for (size_t i = 0; i < rows.size(); ++i) {
    const TreeRow& row = row_at(split, rows[i]);
    const int64_t first = scored.pass.first_branch[i];
    if (row.form == data::Form::kPreference) {
      pairs.add(row, first);
    } else {
      rankings.push_back(ranking_of(row, first));
    }
  }
  Tensor loss;
  const auto add = [&](const Tensor& losses) {
    loss = loss.defined() ? loss + at::sum(losses) : at::sum(losses);
  };
  if (!pairs.chosen.empty()) add(pairs.losses(scored.scores, options_.regularisers));
  if (rankings.empty()) return loss;
  if (options_.loss == RewardLoss::kPlackettLuce) {
    add(objectives::plackett_luce_losses(scored.scores, rankings));
  } else {
    add(objectives::kwise_losses(scored.scores, rankings, options_.ties, options_.average,
                                 options_.regularisers));
  }
  return loss;
}

void RewardMethod::note_extremes(double low, double high) {
  if (!extremes_) extremes_ = {low, high};
  extremes_ = {std::min(extremes_->first, low), std::max(extremes_->second, high)};
}

PassResult RewardMethod::pass(Split split, const std::vector<int64_t>& rows,
                              const PassOptions& options) {
  const Scored scored = score(split, rows, options);
  PassResult result;
  result.loss = total_loss(split, rows, scored) / options.normaliser;
  const Tensor scores = scored.scores.detach().contiguous();
  const float* values = scores.data_ptr<float>();
  for (size_t i = 0; i < rows.size(); ++i) {
    add_pair_metrics(row_at(split, rows[i]), values + scored.pass.first_branch[i], &result);
  }
  result.means["mean_reward"] = {scores.sum(at::kDouble).item<double>(),
                                 static_cast<double>(scores.numel())};
  note_extremes(scores.min().item<double>(), scores.max().item<double>());
  return result;
}

Result<StepUpdates> RewardMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  extremes_.reset();
  return TreeMethod::begin_step(step, rows);
}

// A rank knows the extremes of its own rows, and may have had none. They travel as bytes: a score
// may be infinite, for which JSON has no number.
void RewardMethod::gather_extremes() {
  std::string own;
  if (extremes_) {
    own.append(reinterpret_cast<const char*>(&extremes_->first), sizeof(double));
    own.append(reinterpret_cast<const char*>(&extremes_->second), sizeof(double));
  }
  for (const std::string& bytes : ranks_->all_gather(own)) {
    if (bytes.empty()) continue;
    double ends[2];
    CHECK(bytes.size() == sizeof(ends));
    std::memcpy(ends, bytes.data(), sizeof(ends));
    note_extremes(ends[0], ends[1]);
  }
}

Status RewardMethod::end_step(std::map<std::string, double>* metrics) {
  if (ranks_ != nullptr) gather_extremes();
  if (!extremes_) return {};
  (*metrics)["min_reward"] = extremes_->first;
  (*metrics)["max_reward"] = extremes_->second;
  return {};
}

Result<std::optional<std::map<std::string, double>>> RewardMethod::evaluate() {
  const Split split = Split::kEvaluation;
  std::vector<int64_t> waiting;
  int64_t tokens = 0;
  double loss = 0, units = 0;
  std::vector<const TreeRow*> rows;
  std::vector<std::vector<double>> scores;
  const auto run = [&] {
    if (waiting.empty()) return;
    const Scored scored = score(split, waiting, {.training = false});
    loss += total_loss(split, waiting, scored).item<double>();
    const Tensor values = scored.scores.contiguous();
    const float* value = values.data_ptr<float>();
    for (size_t i = 0; i < waiting.size(); ++i) {
      rows.push_back(&row_at(split, waiting[i]));
      scores.emplace_back(value + scored.pass.first_branch[i],
                          value + scored.pass.first_branch[i + 1]);
    }
    waiting.clear();
    tokens = 0;
  };
  for (int64_t row = 0; row < row_count(split); ++row) {
    if (tokens + row_tokens(split, row) > kEvaluationTokens) run();
    waiting.push_back(row);
    tokens += row_tokens(split, row);
    units += static_cast<double>(row_units(split, row));
  }
  run();
  evaluation_ = evaluate_rewards(rows, scores);
  std::map<std::string, double> metrics = evaluation_->metrics();
  metrics["loss"] = loss / units;
  return std::optional(std::move(metrics));
}

}  // namespace attune::engine::train
