#include "engine/train/preferences/pair_method.h"

#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/check.h"

namespace attune::engine::train {
namespace {

std::vector<std::vector<RowPair>> pairs_of_rows(const std::vector<TreeRow>& rows,
                                                const feedback::PairOptions& options) {
  std::vector<std::vector<RowPair>> pairs;
  feedback::PairOptions of_row = options;
  for (size_t i = 0; i < rows.size(); ++i) {
    of_row.ranking = i;
    pairs.push_back(pairs_of_row(rows[i], of_row));
    CHECK(!pairs.back().empty(), "row {} has no pair", i);
  }
  return pairs;
}

// Whether a branch is a side of some pair.
std::vector<bool> branches_among(const Tensor& side, int64_t branches) {
  std::vector<bool> among(static_cast<size_t>(branches), false);
  const int64_t* values = side.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < side.size(0); ++i) among[static_cast<size_t>(values[i])] = true;
  return among;
}

}  // namespace

std::vector<RowPair> pairs_of_row(const TreeRow& row, const feedback::PairOptions& options) {
  if (row.form == data::Form::kPreference) {
    return {{0, 1, row.chosen_probability.value_or(1.0)}};
  }
  std::vector<RowPair> pairs;
  const auto ranked = feedback::pairs_of_ranking(row.ranks, options);
  CHECK(ranked.ok(), "a ranking with a fault: {}", ranked.error().message());
  for (const feedback::RankedPair& pair : *ranked) {
    pairs.push_back({pair.chosen, pair.rejected, pair.chosen_probability});
  }
  return pairs;
}

Result<feedback::PairOptions> read_pair_options(const Json& config) {
  feedback::PairOptions options;
  const std::string rule = TRY(get_string_or(config, "ranking_pairs", "all"));
  const std::string ties = TRY(get_string_or(config, "ranking_ties", "skip"));
  options.rule = TRY(feedback::parse_pair_rule(rule));
  options.ties = TRY(feedback::parse_tie_rule(ties));
  options.seed = static_cast<uint64_t>(TRY(get_int_or(config, "seed", 42)));
  return options;
}

PairMethod::PairMethod(models::Decoder& decoder, TreeMethodOptions options,
                       const feedback::PairOptions& pairs, std::vector<TreeRow> train,
                       std::vector<TreeRow> evaluation)
    : TreeMethod(decoder, std::move(options), std::move(train), std::move(evaluation)),
      train_pairs_(pairs_of_rows(rows(Split::kTrain), pairs)),
      evaluation_pairs_(pairs_of_rows(rows(Split::kEvaluation), pairs)) {}

const std::vector<RowPair>& PairMethod::row_pairs(Split split, int64_t row) const {
  const auto& pairs = split == Split::kTrain ? train_pairs_ : evaluation_pairs_;
  return pairs[static_cast<size_t>(row)];
}

int64_t PairMethod::row_units(Split split, int64_t row) const {
  return static_cast<int64_t>(row_pairs(split, row).size());
}

PassPairs PairMethod::pairs_of(Split split, const std::vector<int64_t>& rows,
                               const TreePass& pass) const {
  std::vector<int64_t> chosen, rejected;
  std::vector<float> probability;
  PassPairs pairs;
  for (size_t i = 0; i < rows.size(); ++i) {
    pairs.first.push_back(static_cast<int64_t>(chosen.size()));
    for (const RowPair& pair : row_pairs(split, rows[i])) {
      chosen.push_back(pass.first_branch[i] + pair.chosen);
      rejected.push_back(pass.first_branch[i] + pair.rejected);
      probability.push_back(static_cast<float>(pair.chosen_probability));
    }
  }
  pairs.first.push_back(static_cast<int64_t>(chosen.size()));
  pairs.chosen = at::tensor(chosen, at::kLong);
  pairs.rejected = at::tensor(rejected, at::kLong);
  const auto certain = [](float p) { return p == 1.0F; };
  if (!std::all_of(probability.begin(), probability.end(), certain)) {
    pairs.chosen_probability = at::tensor(probability, at::kFloat);
  }
  return pairs;
}

Tensor PairMethod::branch_tokens(const TreePass& pass) {
  return at::tensor(pass.batch.counts, at::kLong).to(at::kFloat);
}

void PairMethod::add_token_metrics(const TreePass& pass, const PassPairs& pairs,
                                   PassResult* result) {
  c10::NoGradGuard no_grad;
  const std::vector<bool> chosen = branches_among(pairs.chosen, pass.batch.branches());
  const std::vector<bool> rejected = branches_among(pairs.rejected, pass.batch.branches());
  if (pass.policy.entropy) result->means["entropy"] = mean_over_tokens(pass, *pass.policy.entropy);
  if (pass.policy.correct) {
    result->means["mean_token_accuracy"] =
        mean_over_tokens(pass, pass.policy.correct->to(at::kFloat), chosen);
  }
  const Tensor logits = mean_logits(pass);
  result->means["logits/chosen"] = mean_over_tokens(pass, logits, chosen);
  result->means["logits/rejected"] = mean_over_tokens(pass, logits, rejected);
}

Mean mean_over_pairs(const Tensor& values) {
  return {at::sum(values.detach(), at::kDouble).item<double>(),
          static_cast<double>(values.size(0))};
}

}  // namespace attune::engine::train
