#include "engine/train/preferences/preference_method.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "engine/objectives/plackett_luce.h"
#include "engine/train/packing.h"

namespace attune::engine::train {
namespace {

using objectives::PreferencePairs;
using objectives::SideLogProbs;

Tensor at_branches(const Tensor& values, const Tensor& branches) {
  return values.defined() ? at::index_select(values, 0, branches) : Tensor();
}

// The requests of each pair's first min(|y_w|, |y_l|) tokens of one side (LD-DPO).
struct SharedTokens {
  Tensor requests;  // [S] int64 into the pass's requests
  Tensor pairs;     // [S] int64: of which pair

  Tensor sums(const Tensor& tokens, int64_t count) const {
    if (!tokens.defined()) return {};
    return at::index_add(at::zeros({count}, tokens.options()), 0, pairs,
                         at::index_select(tokens, 0, requests));
  }
};

SharedTokens shared_tokens(const TreePass& pass, const Tensor& side, const Tensor& other) {
  std::vector<int64_t> first_request = {0};
  for (int64_t count : pass.batch.counts) first_request.push_back(first_request.back() + count);
  std::vector<int64_t> requests, pairs;
  for (int64_t pair = 0; pair < side.size(0); ++pair) {
    const auto own = static_cast<size_t>(side[pair].item<int64_t>());
    const auto against = static_cast<size_t>(other[pair].item<int64_t>());
    const int64_t shared = std::min(pass.batch.counts[own], pass.batch.counts[against]);
    for (int64_t i = 0; i < shared; ++i) {
      requests.push_back(first_request[own] + i);
      pairs.push_back(pair);
    }
  }
  return {at::tensor(requests, at::kLong), at::tensor(pairs, at::kLong)};
}

// Mean over a branch's tokens, [C].
Tensor branch_means(const TreePass& pass, const Tensor& tokens, const Tensor& counts) {
  return models::sum_by_branch(pass.batch, tokens.detach()) / counts;
}

// The policy's log-probs as the loss counts them, which is what TRL logs.
Tensor counted(const SideLogProbs& side, const std::optional<double>& ld_alpha) {
  if (!ld_alpha) return side.policy;
  return side.policy_shared + *ld_alpha * (side.policy - side.policy_shared);
}

// Parts of a step's pairs, one behind the other.
SideLogProbs joined(const std::vector<PreferencePairs>& parts,
                    SideLogProbs PreferencePairs::*side) {
  const auto join = [&](Tensor SideLogProbs::*member) {
    std::vector<Tensor> values;
    for (const PreferencePairs& part : parts) {
      if ((part.*side.*member).defined()) values.push_back(part.*side.*member);
    }
    return values.empty() ? Tensor() : at::cat(values);
  };
  SideLogProbs whole;
  whole.policy = join(&SideLogProbs::policy);
  whole.reference = join(&SideLogProbs::reference);
  whole.policy_shared = join(&SideLogProbs::policy_shared);
  whole.reference_shared = join(&SideLogProbs::reference_shared);
  return whole;
}

}  // namespace

PreferenceMethod::PreferenceMethod(models::Decoder& decoder, TreeMethodOptions options,
                                   PreferenceSetup setup, std::vector<TreeRow> train,
                                   std::vector<TreeRow> evaluation)
    : PairMethod(decoder, std::move(options), setup.pairs, std::move(train),
                 std::move(evaluation)),
      setup_(std::move(setup)) {}

void PreferenceMethod::set_reference(ReferenceLogProbs train,
                                     std::optional<ReferenceLogProbs> evaluation) {
  train_reference_ = std::move(train);
  evaluation_reference_ = std::move(evaluation);
}

int64_t PreferenceMethod::row_units(Split split, int64_t row) const {
  return setup_.plackett_luce ? 1 : PairMethod::row_units(split, row);
}

const char* PreferenceMethod::unit_name() const {
  return setup_.plackett_luce ? "rankings" : PairMethod::unit_name();
}

OrderedJson PreferenceMethod::about() const {
  OrderedJson about = OrderedJson::object();
  if (train_reference_) about["reference_seconds"] = train_reference_->seconds();
  return about;
}

Result<StepUpdates> PreferenceMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  step_ = step;
  evaluation_step_.reset();
  train_step_ = whole_step(Split::kTrain, rows);
  return StepUpdates{Split::kTrain, {rows}, {}};
}

PreferenceMethod::WholeStep PreferenceMethod::whole_step(Split split,
                                                         const std::vector<int64_t>& rows) {
  WholeStep whole;
  double chosen_tokens = 0;
  int64_t pairs = 0;
  for (int64_t row : rows) {
    const models::TokenTree& tree = row_at(split, row).tree;
    for (const RowPair& pair : row_pairs(split, row)) {
      const models::TokenBranch& chosen = tree.branches[static_cast<size_t>(pair.chosen)];
      const bool starts_row = tree.prompt.empty() && chosen.first == 0;  // then never predicted
      chosen_tokens += static_cast<double>(chosen.completion_tokens() - (starts_row ? 1 : 0));
      ++pairs;
    }
  }
  whole.chosen_tokens_per_pair = chosen_tokens / static_cast<double>(pairs);
  if (objectives::needs_sorted_partners(setup_.loss)) find_partners(split, rows, &whole);
  return whole;
}

// Passes without gradients over all the rows; the order that they find holds for the whole step.
void PreferenceMethod::find_partners(Split split, const std::vector<int64_t>& rows,
                                     WholeStep* whole) {
  c10::NoGradGuard no_grad;
  PassOptions options;
  options.training = false;
  std::vector<int64_t> lengths;
  for (int64_t row : rows) lengths.push_back(row_tokens(split, row));
  std::vector<PreferencePairs> parts;
  int64_t pairs_before = 0;
  for (std::vector<int64_t>& items : best_fit_decreasing(lengths, setup_.max_tokens)) {
    for (int64_t& item : items) item = rows[static_cast<size_t>(item)];
    const TreePass pass = forward(split, items, options, {});
    const PassPairs pairs = pairs_of(split, items, pass);
    for (size_t i = 0; i < items.size(); ++i) {
      whole->first_pair[items[i]] = pairs_before + pairs.first[i];
    }
    pairs_before += pairs.count();
    parts.push_back(
        pairs_with_log_probs(pass, pairs, reference_of(split, items, pass, options)));
  }
  PreferencePairs step;
  step.chosen = joined(parts, &PreferencePairs::chosen);
  step.rejected = joined(parts, &PreferencePairs::rejected);
  whole->partners = objectives::partners_of_step(step, setup_.loss);
}

// Evaluation has no begin_step: its rows are all of the split's, looked at once an evaluation.
const PreferenceMethod::WholeStep& PreferenceMethod::known(Split split) {
  if (split == Split::kTrain) return train_step_;
  if (!evaluation_step_) {
    std::vector<int64_t> rows(static_cast<size_t>(row_count(split)));
    std::iota(rows.begin(), rows.end(), 0);
    evaluation_step_ = whole_step(split, rows);
  }
  return *evaluation_step_;
}

PreferenceMethod::Reference PreferenceMethod::reference_of(Split split,
                                                           const std::vector<int64_t>& rows,
                                                           const TreePass& pass,
                                                           const PassOptions& options) {
  if (setup_.reference_free) return {};
  if (moving_) {
    const models::BranchLogProbs got = moving_->model.pass(pass.batch, options.chunk_rows);
    return {got.sums, got.tokens};
  }
  const auto& cached = split == Split::kTrain ? train_reference_ : evaluation_reference_;
  CHECK(cached.has_value(), "a pass before set_reference()");
  return {cached->sums(rows), needs_reference_tokens() ? cached->tokens(rows) : Tensor()};
}

PreferencePairs PreferenceMethod::pairs_with_log_probs(const TreePass& pass,
                                                       const PassPairs& pairs,
                                                       const Reference& reference) const {
  const Tensor counts = branch_tokens(pass);
  PreferencePairs terms;
  const auto fill = [&](SideLogProbs& side, const Tensor& branches, const Tensor& others) {
    side.policy = at_branches(pass.policy.sums, branches);
    side.reference = at_branches(reference.sums, branches);
    side.tokens = at_branches(counts, branches);
    if (!setup_.loss.ld_alpha) return;
    const SharedTokens shared = shared_tokens(pass, branches, others);
    side.policy_shared = shared.sums(pass.policy.tokens, pairs.count());
    side.reference_shared = shared.sums(reference.tokens, pairs.count());
  };
  fill(terms.chosen, pairs.chosen, pairs.rejected);
  fill(terms.rejected, pairs.rejected, pairs.chosen);
  terms.chosen_probability = pairs.chosen_probability;
  if (setup_.weighting && pass.policy.log_sum_squares) {
    const Tensor means =
        branch_means(pass, pass.policy.tokens.detach() - *pass.policy.log_sum_squares, counts);
    terms.weights = objectives::wpo_weights(at_branches(means, pairs.chosen),
                                            at_branches(means, pairs.rejected));
  }
  return terms;
}

Tensor PreferenceMethod::ranking_losses(Split split, const std::vector<int64_t>& rows,
                                        const TreePass& pass, const Reference& reference) const {
  std::vector<objectives::Ranking> rankings;
  for (size_t i = 0; i < rows.size(); ++i) {
    const TreeRow& row = row_at(split, rows[i]);
    objectives::Ranking ranking;
    for (size_t k = 0; k < row.ranks.size(); ++k) {
      ranking.completions.push_back(pass.first_branch[i] + static_cast<int64_t>(k));
      ranking.ranks.push_back(row.ranks[k].value_or(objectives::kUnranked));
    }
    rankings.push_back(std::move(ranking));
  }
  return objectives::ranking_dpo_losses(pass.policy.sums, reference.sums, setup_.loss.beta,
                                        rankings);
}

// A pass's share of the step's partners.
objectives::SortedPartners PreferenceMethod::partners_at(const WholeStep& whole,
                                                         const std::vector<int64_t>& rows,
                                                         const PassPairs& pairs) {
  if (!whole.partners.defined()) return {};
  std::vector<int64_t> places;
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t first = whole.first_pair.at(rows[i]);
    for (int64_t k = 0; k < pairs.first[i + 1] - pairs.first[i]; ++k) places.push_back(first + k);
  }
  return whole.partners.at_rows(at::tensor(places, at::kLong));
}

PassResult PreferenceMethod::pass(Split split, const std::vector<int64_t>& rows,
                                  const PassOptions& options) {
  const WholeStep& whole = known(split);
  ops::LogProbOptions wanted;
  wanted.entropy = true;
  wanted.accuracy = true;
  wanted.log_sum_squares = setup_.weighting;
  const TreePass got = forward(split, rows, options, wanted);
  const PassPairs pairs = pairs_of(split, rows, got);
  const Reference reference = reference_of(split, rows, got, options);
  PreferencePairs terms = pairs_with_log_probs(got, pairs, reference);
  Tensor losses;
  if (setup_.plackett_luce) {
    losses = ranking_losses(split, rows, got, reference);
  } else {
    terms.chosen_tokens_per_pair = whole.chosen_tokens_per_pair;
    terms.partners = partners_at(whole, rows, pairs);
    losses = objectives::preference_losses(terms, setup_.loss);
  }
  PassResult result;
  result.loss = at::sum(losses) / options.normaliser;
  add_metrics(got, pairs, terms, &result);
  return result;
}

void PreferenceMethod::add_metrics(const TreePass& pass, const PassPairs& pairs,
                                   const PreferencePairs& terms, PassResult* result) {
  add_token_metrics(pass, pairs, result);
  const objectives::PairRewards rewards = objectives::preference_rewards(terms, setup_.loss);
  result->means["rewards/chosen"] = mean_over_pairs(rewards.chosen);
  result->means["rewards/rejected"] = mean_over_pairs(rewards.rejected);
  result->means["rewards/accuracies"] = mean_over_pairs(rewards.accuracy);
  result->means["rewards/margins"] = mean_over_pairs(rewards.margin);
  result->means["logps/chosen"] = mean_over_pairs(counted(terms.chosen, setup_.loss.ld_alpha));
  result->means["logps/rejected"] = mean_over_pairs(counted(terms.rejected, setup_.loss.ld_alpha));
}

Status PreferenceMethod::end_step(std::map<std::string, double>* /*metrics*/) {
  if (!moving_ || (step_ + 1) % moving_->steps != 0) return {};
  c10::NoGradGuard no_grad;
  for (const nn::Parameter& parameter : moving_->model.decoder().parameters().all()) {
    const Tensor* policy = decoder().parameters().find(parameter.name);
    CHECK(policy != nullptr, "the policy has no {}", parameter.name);
    Tensor reference = parameter.tensor;
    reference.mul_(1 - moving_->alpha).add_(policy->detach(), moving_->alpha);
  }
  return {};
}

std::vector<optim::NamedTensor> PreferenceMethod::state_tensors() {
  std::vector<optim::NamedTensor> tensors;
  if (!moving_) return tensors;
  for (const nn::Parameter& parameter : moving_->model.decoder().parameters().all()) {
    tensors.push_back({"reference." + parameter.name, parameter.tensor});
  }
  return tensors;
}

}  // namespace attune::engine::train
