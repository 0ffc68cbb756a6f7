#include "engine/train/preferences/unpaired_method.h"

#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <numeric>

#include "base/check.h"
#include "engine/train/packing.h"

namespace attune::engine::train {
namespace {

double sum_where(const Tensor& values, const Tensor& mask) {
  return at::sum(values.detach().masked_select(mask), at::kDouble).item<double>();
}

// By branch, whether it is of the kind.
std::vector<bool> kinds(const Tensor& desirable, bool kind) {
  std::vector<bool> among;
  for (int64_t i = 0; i < desirable.size(0); ++i) {
    among.push_back(desirable[i].item<bool>() == kind);
  }
  return among;
}

TreeRow single(const TreeRow& row, size_t branch, bool label) {
  TreeRow one;
  one.tree = {row.tree.prompt, {row.tree.branches[branch]}};
  one.form = data::Form::kUnpaired;
  one.label = label;
  one.annotator = row.annotator;
  one.name = row.name;
  return one;
}

}  // namespace

Result<UnpairedSetup> read_unpaired_setup(const std::string& recipe, const Json& config) {
  UnpairedSetup setup;
  setup.bco = recipe == "bco";
  setup.loss.beta = TRY(get_double_or(config, "beta", 0.1));
  if (!(setup.loss.beta > 0))
    return invalid_input("beta must be above 0; it is {}", setup.loss.beta);
  setup.mismatched.seed = static_cast<uint64_t>(TRY(get_int_or(config, "seed", 42)));
  if (setup.bco) return setup;
  const std::string loss = TRY(get_string_or(config, "loss_type", "kto"));
  setup.loss.loss = TRY(objectives::parse_unpaired_loss(loss));
  setup.loss.desirable_weight = TRY(get_double_or(config, "desirable_weight", 1));
  setup.loss.undesirable_weight = TRY(get_double_or(config, "undesirable_weight", 1));
  const std::string pairs = TRY(get_string_or(config, "kl_pairs", "rotation"));
  setup.mismatched.by = TRY(parse_mismatching(pairs));
  setup.mismatched.block = TRY(get_int_or(config, "per_device_train_batch_size", 8));
  if (config.contains("max_length") && config["max_length"].is_null()) {
    setup.mismatched.max_length.reset();
  } else {
    setup.mismatched.max_length = TRY(get_int_or(config, "max_length", 1024));
  }
  return setup;
}

std::vector<TreeRow> unpaired_rows(std::vector<TreeRow> rows) {
  std::vector<TreeRow> singles;
  for (TreeRow& row : rows) {
    if (row.form != data::Form::kPreference) {
      singles.push_back(std::move(row));
      continue;
    }
    singles.push_back(single(row, 0, true));
    singles.push_back(single(row, 1, false));
  }
  return singles;
}

UnpairedMethod::UnpairedMethod(models::Decoder& decoder, TreeMethodOptions options,
                               UnpairedSetup setup, std::vector<TreeRow> train,
                               std::vector<TreeRow> evaluation)
    : TreeMethod(decoder, options, std::move(train), std::move(evaluation)),
      stack_(std::move(options.adapters)),
      setup_(std::move(setup)) {}

void UnpairedMethod::set_reference(ReferenceLogProbs train,
                                   std::optional<ReferenceLogProbs> evaluation) {
  train_reference_ = std::move(train);
  evaluation_reference_ = std::move(evaluation);
}

void UnpairedMethod::set_mismatched(MismatchedReference train,
                                    std::optional<MismatchedReference> evaluation) {
  train_mismatched_ = std::move(train);
  evaluation_mismatched_ = std::move(evaluation);
}

std::vector<models::TokenTree> UnpairedMethod::mismatched(Split split,
                                                          const std::vector<int64_t>& rows_of_step,
                                                          int64_t step) const {
  return mismatched_trees(rows(split), rows_of_step, step, setup_.mismatched);
}

// z of a step: policy and reference on its mismatched pairs, in passes without gradients.
double UnpairedMethod::reference_point(Split split, const std::vector<int64_t>& rows,
                                       int64_t step) {
  const auto& reference = split == Split::kTrain ? train_mismatched_ : evaluation_mismatched_;
  CHECK(reference.has_value(), "a step before set_mismatched()");
  c10::NoGradGuard no_grad;
  const std::vector<models::TokenTree> trees = mismatched(split, rows, step);
  std::vector<int64_t> lengths;
  for (const models::TokenTree& tree : trees) lengths.push_back(tree.tokens());
  double sum = 0;
  models::ForwardOptions forward;
  forward.adapters.stack = stack_;
  for (const std::vector<int64_t>& items : best_fit_decreasing(lengths, setup_.max_tokens)) {
    models::TreeBatch batch;
    std::vector<int64_t> indices;
    for (int64_t item : items) {
      batch.add(trees[static_cast<size_t>(item)]);
      indices.push_back(reference->first[static_cast<size_t>(step)] + item);
    }
    const models::BranchLogProbs got = models::branch_log_probs(decoder(), batch, forward);
    sum += at::sum(got.sums - reference->log_probs.sums(indices), at::kDouble).item<double>();
  }
  return objectives::kto_reference_point(sum, static_cast<int64_t>(trees.size()));
}

UnpairedMethod::WholeStep UnpairedMethod::whole_step(Split split,
                                                     const std::vector<int64_t>& rows,
                                                     int64_t step) {
  WholeStep whole;
  for (int64_t row : rows) (row_at(split, row).label ? whole.desirable : whole.undesirable) += 1;
  if (setup_.needs_mismatched()) whole.z = reference_point(split, rows, step);
  return whole;
}

// Evaluation has no begin_step: its rows are all of the split's, looked at once for each
// evaluation.
const UnpairedMethod::WholeStep& UnpairedMethod::known(Split split) {
  if (split == Split::kTrain) return train_step_;
  if (!evaluation_step_) {
    std::vector<int64_t> rows(static_cast<size_t>(row_count(split)));
    std::iota(rows.begin(), rows.end(), 0);
    evaluation_step_ = whole_step(split, rows, 0);
  }
  return *evaluation_step_;
}

// BCO: the step's rewards join the running mean before its losses are computed.
void UnpairedMethod::add_rewards(const std::vector<int64_t>& rows) {
  c10::NoGradGuard no_grad;
  PassOptions options;
  options.training = false;
  std::vector<int64_t> lengths;
  for (int64_t row : rows) lengths.push_back(row_tokens(Split::kTrain, row));
  double sum = 0;
  for (std::vector<int64_t>& items : best_fit_decreasing(lengths, setup_.max_tokens)) {
    for (int64_t& item : items) item = rows[static_cast<size_t>(item)];
    const TreePass got = forward(Split::kTrain, items, options, {});
    const Tensor rewards = objectives::implicit_rewards(
        got.policy.sums, reference_of(Split::kTrain, items), setup_.loss.beta);
    sum += at::sum(rewards, at::kDouble).item<double>();
  }
  running_.add(sum, static_cast<double>(rows.size()));
}

Result<StepUpdates> UnpairedMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  evaluation_step_.reset();
  train_step_ = whole_step(Split::kTrain, rows, step);
  if (setup_.bco) add_rewards(rows);
  return StepUpdates{Split::kTrain, {rows}, {}};
}

Tensor UnpairedMethod::reference_of(Split split, const std::vector<int64_t>& rows) const {
  const auto& reference = split == Split::kTrain ? train_reference_ : evaluation_reference_;
  CHECK(reference.has_value(), "a pass before set_reference()");
  return reference->sums(rows);
}

Tensor UnpairedMethod::labels_of(Split split, const std::vector<int64_t>& rows) const {
  std::vector<int64_t> labels;
  for (int64_t row : rows) labels.push_back(row_at(split, row).label ? 1 : 0);
  return at::tensor(labels, at::kLong).to(at::kBool);
}

PassResult UnpairedMethod::pass(Split split, const std::vector<int64_t>& rows,
                                const PassOptions& options) {
  const WholeStep& whole = known(split);
  const TreePass got = forward(split, rows, options);
  const Tensor reference = reference_of(split, rows);
  const Tensor desirable = labels_of(split, rows);
  const Tensor losses =
      setup_.bco ? objectives::bco_losses(got.policy.sums, reference, desirable,
                                          setup_.loss.beta, running_.mean)
                 : objectives::unpaired_losses(got.policy.sums, reference, desirable, whole.z,
                                               setup_.loss);
  PassResult result;
  result.loss = at::sum(losses) * (1.0 / options.normaliser);
  add_metrics(whole, got, reference, desirable, &result);
  return result;
}

void UnpairedMethod::add_metrics(const WholeStep& whole, const TreePass& pass,
                                 const Tensor& reference, const Tensor& desirable,
                                 PassResult* result) {
  const Tensor undesirable = desirable.logical_not();
  const auto count = static_cast<double>(desirable.size(0));
  const auto chosen = desirable.sum().item<double>();
  const Tensor rewards =
      objectives::implicit_rewards(pass.policy.sums, reference, setup_.loss.beta);
  std::map<std::string, Mean>& means = result->means;
  if (pass.policy.entropy) means["entropy"] = mean_over_tokens(pass, *pass.policy.entropy);
  const std::vector<bool> good = kinds(desirable, true), bad = kinds(desirable, false);
  const Tensor logits = mean_logits(pass);
  means["logits/chosen"] = mean_over_tokens(pass, logits, good);
  means["logits/rejected"] = mean_over_tokens(pass, logits, bad);
  means["rewards/chosen"] = {sum_where(rewards, desirable), chosen};
  means["rewards/rejected"] = {sum_where(rewards, undesirable), count - chosen};
  means["logps/chosen"] = {sum_where(pass.policy.sums, desirable), chosen};
  means["logps/rejected"] = {sum_where(pass.policy.sums, undesirable), count - chosen};
  if (whole.desirable > 0 && whole.undesirable > 0) {
    // A difference of two means over the step: each pass brings its part, and its part of 1.
    means["rewards/margins"] = {means["rewards/chosen"].sum / whole.desirable -
                                    means["rewards/rejected"].sum / whole.undesirable,
                                count / (whole.desirable + whole.undesirable)};
  }
  if (setup_.bco) {
    means["delta"] = {running_.mean * count, count};
  } else {
    means["kl"] = {whole.z * count, count};
  }
}

Json UnpairedMethod::state() const {
  if (!setup_.bco) return Json::object();
  return {{"reward_mean", running_.mean}, {"reward_count", running_.count}};
}

Status UnpairedMethod::load_state(const Json& state) {
  if (!setup_.bco) return {};
  running_.mean = TRY(get_double(state, "reward_mean"));
  running_.count = TRY(get_double(state, "reward_count"));
  return {};
}

}  // namespace attune::engine::train
