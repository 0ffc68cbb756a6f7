#include "engine/train/preferences/reference_free_method.h"

#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

namespace attune::engine::train {
namespace {

// Tokens of a prompt that can be predicted: all but the first.
int64_t prompt_targets(const models::TokenTree& tree) {
  return std::max<int64_t>(static_cast<int64_t>(tree.prompt.size()) - 1, 0);
}

// Which way a mean token log-prob enters the rewards that TRL logs as logps.
bool by_mean(const ReferenceFreeSetup& setup) {
  return setup.odds_weight || setup.loss.loss == objectives::ReferenceFreeLoss::kIpo ||
         setup.loss.loss == objectives::ReferenceFreeLoss::kSimpo;
}

TreeMethodOptions reading(TreeMethodOptions options, bool prompts) {
  options.reads_prompts = prompts;
  return options;
}

}  // namespace

Result<ReferenceFreeSetup> read_reference_free_setup(const std::string& recipe,
                                                     const Json& config) {
  ReferenceFreeSetup setup;
  setup.pairs = TRY(read_pair_options(config));
  if (recipe == "orpo") {
    setup.odds_weight = TRY(get_double_or(config, "beta", 0.1));
    if (!(*setup.odds_weight >= 0)) return invalid_input("beta must not be negative");
    setup.nll_over_prompt = TRY(get_string_or(config, "nll_tokens", "all")) == "all";
    return setup;
  }
  const bool simpo = recipe == "simpo";
  const std::string name = TRY(get_string_or(config, "loss_type", simpo ? "simpo" : "sigmoid"));
  const bool alphapo = name == "alphapo";  // TRL's short form: simpo without the cross-entropy
  setup.loss.loss = TRY(objectives::parse_reference_free_loss(alphapo ? "simpo" : name));
  setup.loss.beta = TRY(get_double_or(config, "beta", simpo ? 2.0 : 0.1));
  setup.loss.label_smoothing = TRY(get_double_or(config, "label_smoothing", 0));
  setup.loss.simpo_gamma = TRY(get_double_or(config, "simpo_gamma", 0.5));
  setup.loss.alpha = TRY(get_double_or(config, "alpha", 0));
  setup.loss.slic_delta = TRY(get_double_or(config, "slic_delta", 1));
  setup.nll_weight = alphapo ? 0 : TRY(get_double_or(config, "cpo_alpha", simpo ? 0.0 : 1.0));
  TRY(objectives::check_reference_free_options(setup.loss));
  return setup;
}

ReferenceFreeMethod::ReferenceFreeMethod(models::Decoder& decoder, TreeMethodOptions options,
                                         ReferenceFreeSetup setup, std::vector<TreeRow> train,
                                         std::vector<TreeRow> evaluation)
    : PairMethod(decoder, reading(std::move(options), setup.nll_over_prompt), setup.pairs,
                 std::move(train), std::move(evaluation)),
      setup_(std::move(setup)) {
  for (int64_t row = 0; row < row_count(Split::kEvaluation); ++row) {
    evaluation_tokens_ += nll_tokens(Split::kEvaluation, row);
  }
}

// Tokens of a row's cross-entropy: those of its chosen answers, pair by pair.
double ReferenceFreeMethod::nll_tokens(Split split, int64_t row) const {
  const models::TokenTree& tree = row_at(split, row).tree;
  int64_t tokens = 0;
  for (const RowPair& pair : row_pairs(split, row)) {
    tokens += tree.branches[static_cast<size_t>(pair.chosen)].completion_tokens();
    if (setup_.nll_over_prompt) tokens += prompt_targets(tree);
  }
  return static_cast<double>(tokens);
}

Result<StepUpdates> ReferenceFreeMethod::begin_step(int64_t /*step*/,
                                                    const std::vector<int64_t>& rows) {
  step_tokens_ = 0;
  for (int64_t row : rows) step_tokens_ += nll_tokens(Split::kTrain, row);
  return StepUpdates{Split::kTrain, {rows}, {}};
}

// Shared prompts are predicted once, and count for each pair of their row.
Tensor ReferenceFreeMethod::prompt_nll(Split split, const std::vector<int64_t>& rows,
                                       const TreePass& pass, double weight, int64_t chunk_rows) {
  std::vector<int64_t> at, targets;
  std::vector<float> weights;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<int32_t>& prompt = row_at(split, rows[i]).tree.prompt;
    const auto pairs = static_cast<double>(row_pairs(split, rows[i]).size());
    const int64_t begin = pass.batch.prompt_begins[static_cast<size_t>(pass.first_branch[i])];
    for (size_t t = 1; t < prompt.size(); ++t) {
      at.push_back(begin + static_cast<int64_t>(t) - 1);
      targets.push_back(prompt[t]);
      weights.push_back(static_cast<float>(weight * pairs));
    }
  }
  if (at.empty()) return {};
  return ops::linear_nll(pass.hidden, decoder().head_weight(), decoder().head_bias(),
                         at::tensor(at, at::kLong), at::tensor(targets, at::kLong),
                         at::tensor(weights, at::kFloat), {.chunk_rows = chunk_rows})
      .loss;
}

Tensor ReferenceFreeMethod::nll(Split split, const std::vector<int64_t>& rows,
                                const TreePass& pass, const objectives::CompletionPairs& sides,
                                int64_t chunk_rows, PassResult* result) {
  const double tokens = split == Split::kTrain ? step_tokens_ : evaluation_tokens_;
  Tensor mean = at::sum(sides.chosen) * (-1.0 / tokens);
  if (setup_.nll_over_prompt) {
    const Tensor prompts = prompt_nll(split, rows, pass, 1.0 / tokens, chunk_rows);
    if (prompts.defined()) mean = mean + prompts;
  }
  double own = 0;
  for (int64_t row : rows) own += nll_tokens(split, row);
  result->means["nll_loss"] = {mean.item<double>() * tokens, own};
  return setup_.nll_weight * mean;
}

PassResult ReferenceFreeMethod::pass(Split split, const std::vector<int64_t>& rows,
                                     const PassOptions& options) {
  const TreePass got = forward(split, rows, options);
  const PassPairs pairs = pairs_of(split, rows, got);
  const Tensor tokens = branch_tokens(got);
  const objectives::CompletionPairs sides{at::index_select(got.policy.sums, 0, pairs.chosen),
                                          at::index_select(got.policy.sums, 0, pairs.rejected),
                                          at::index_select(tokens, 0, pairs.chosen),
                                          at::index_select(tokens, 0, pairs.rejected)};
  PassResult result;
  Tensor losses;
  if (setup_.odds_weight) {
    const objectives::OddsLosses odds = objectives::odds_losses(sides, *setup_.odds_weight);
    result.means["log_odds_ratio"] = mean_over_pairs(odds.log_odds_ratio);
    result.means["log_odds_chosen"] = mean_over_pairs(odds.log_odds);
    losses = odds.loss;
  } else {
    losses = objectives::reference_free_losses(sides, setup_.loss);
  }
  result.loss = at::sum(losses) * (1.0 / options.normaliser);
  if (setup_.nll_weight > 0) {
    result.loss = result.loss + nll(split, rows, got, sides, options.chunk_rows, &result);
  }
  add_metrics(got, pairs, sides, &result);
  return result;
}

void ReferenceFreeMethod::add_metrics(const TreePass& pass, const PassPairs& pairs,
                                      const objectives::CompletionPairs& sides,
                                      PassResult* result) {
  add_token_metrics(pass, pairs, result);
  const objectives::PairRewards rewards =
      setup_.odds_weight ? objectives::odds_rewards(sides, *setup_.odds_weight)
                         : objectives::reference_free_rewards(sides, setup_.loss);
  result->means["rewards/chosen"] = mean_over_pairs(rewards.chosen);
  result->means["rewards/rejected"] = mean_over_pairs(rewards.rejected);
  result->means["rewards/accuracies"] = mean_over_pairs(rewards.accuracy);
  result->means["rewards/margins"] = mean_over_pairs(rewards.margin);
  const bool means = by_mean(setup_);  // as TRL: of what the loss reads
  result->means["logps/chosen"] =
      mean_over_pairs(means ? sides.chosen / sides.chosen_tokens : sides.chosen);
  result->means["logps/rejected"] =
      mean_over_pairs(means ? sides.rejected / sides.rejected_tokens : sides.rejected);
}

}  // namespace attune::engine::train
