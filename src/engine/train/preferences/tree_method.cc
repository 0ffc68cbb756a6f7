#include "engine/train/preferences/tree_method.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "base/log.h"
#include "base/sha256.h"

namespace attune::engine::train {
namespace {

double dropout_of(models::Decoder& decoder, const std::vector<std::string>& adapters) {
  double largest = 0;
  for (const std::string& name : adapters) {
    const nn::Adapter* adapter = decoder.adapters().find(name);
    if (adapter != nullptr) largest = std::max(largest, adapter->config.lora_dropout);
  }
  return largest;
}

void hash_rows(Sha256& hash, const std::vector<TreeRow>& rows) {
  const auto add = [&](const void* bytes, size_t size) {
    const uint64_t length = size;
    hash.update(&length, sizeof(length));
    hash.update(bytes, size);
  };
  for (const TreeRow& row : rows) {
    add(row.tree.prompt.data(), row.tree.prompt.size() * sizeof(int32_t));
    for (const models::TokenBranch& branch : row.tree.branches) {
      add(branch.ids.data(), branch.ids.size() * sizeof(int32_t));
      add(&branch.first, sizeof(branch.first));
    }
    std::string judgement = fmt::format("{}|{}|{}|{}|", static_cast<int>(row.form), row.label,
                                        row.chosen_probability.value_or(-1),
                                        row.margin.value_or(0));
    for (const std::optional<int>& rank : row.ranks) {
      judgement += fmt::format("{},", rank.value_or(-1));
    }
    for (double score : row.scores) judgement += fmt::format("{},", score);
    add(judgement.data(), judgement.size());
  }
}

}  // namespace

Result<TreeMethodOptions> tree_method_options(const Json& config, models::Decoder& decoder,
                                              const std::vector<std::string>& adapters) {
  TreeMethodOptions options;
  options.adapters = adapters;
  const double dropout = dropout_of(decoder, adapters);
  const bool disabled = TRY(get_bool_or(config, "disable_dropout", true));
  if (dropout > 0 && !disabled) {
    options.dropout = true;
    log_info(
        "lora_dropout {} is on (disable_dropout: false): prompts are computed once for every "
        "completion instead of once for all",
        dropout);
  }
  return options;
}

Mean mean_over_tokens(const TreePass& pass, const Tensor& values,
                      const std::vector<bool>& branches) {
  if (branches.empty()) {
    return {at::sum(values, at::kDouble).item<double>(), static_cast<double>(values.size(0))};
  }
  std::vector<int64_t> chosen;
  for (size_t i = 0; i < pass.batch.owners.size(); ++i) {
    if (branches[static_cast<size_t>(pass.batch.owners[i])]) {
      chosen.push_back(static_cast<int64_t>(i));
    }
  }
  const Tensor part = at::index_select(values, 0, at::tensor(chosen, at::kLong));
  return {at::sum(part, at::kDouble).item<double>(), static_cast<double>(chosen.size())};
}

TreeMethod::TreeMethod(models::Decoder& decoder, TreeMethodOptions options,
                       std::vector<TreeRow> train, std::vector<TreeRow> evaluation)
    : decoder_(decoder),
      options_(std::move(options)),
      train_(std::move(train)),
      evaluation_(std::move(evaluation)) {}

const std::vector<TreeRow>& TreeMethod::rows(Split split) const {
  return split == Split::kTrain ? train_ : evaluation_;
}

const TreeRow& TreeMethod::row_at(Split split, int64_t row) const {
  return rows(split)[static_cast<size_t>(row)];
}

int64_t TreeMethod::row_count(Split split) const {
  return static_cast<int64_t>(rows(split).size());
}

std::vector<const models::TokenTree*> TreeMethod::trees(Split split) const {
  std::vector<const models::TokenTree*> trees;
  for (const TreeRow& row : rows(split)) trees.push_back(&row.tree);
  return trees;
}

bool TreeMethod::shares_prompts(bool training) const {
  return options_.batch.share_prompts && !(training && options_.dropout);
}

int64_t TreeMethod::row_tokens(Split split, int64_t row) const {
  const models::TokenTree& tree = row_at(split, row).tree;
  return shares_prompts(split == Split::kTrain) ? tree.tokens() : tree.unshared_tokens();
}

int64_t TreeMethod::row_counted_tokens(Split split, int64_t row) const {
  return row_at(split, row).tree.unshared_tokens();
}

std::string TreeMethod::row_name(Split split, int64_t row) const {
  const RowName& name = row_at(split, row).name;
  return fmt::format("{} row {}", name.file, name.number);
}

std::string TreeMethod::fingerprint() const {
  Sha256 hash;
  hash_rows(hash, train_);
  hash.update("/", 1);
  hash_rows(hash, evaluation_);
  return hash.hex();
}

TreePass TreeMethod::make_pass(Split split, const std::vector<int64_t>& rows,
                               bool training) const {
  models::TreeBatchOptions batch = options_.batch;
  batch.share_prompts = shares_prompts(training);
  TreePass pass{models::TreeBatch(batch), {}, {}, {}};
  for (int64_t row : rows) {
    pass.first_branch.push_back(pass.batch.branches());
    pass.batch.add(row_at(split, row).tree);
  }
  pass.first_branch.push_back(pass.batch.branches());
  return pass;
}

TreePass TreeMethod::forward(Split split, const std::vector<int64_t>& rows,
                             const PassOptions& options, ops::LogProbOptions wanted) {
  TreePass pass = make_pass(split, rows, options.training);
  models::ForwardOptions forward;
  forward.adapters.stack = options_.adapters;
  forward.recompute = options.recompute;
  forward.training = options.training && options_.dropout;
  forward.dropout_seed = options.dropout_seed;
  if (!options_.reads_prompts) forward.rows = pass.batch.asked_rows();
  wanted.chunk_rows = options.chunk_rows;
  pass.hidden = decoder_.forward(pass.batch.batch, forward);
  if (options_.batch.log_probs) {
    pass.policy = models::branch_log_probs_of(decoder_, pass.batch, pass.hidden, wanted);
  }
  return pass;
}

// The mean over the vocabulary of hidden x head is hidden x the head's mean row: no logits.
Tensor TreeMethod::mean_logits(const TreePass& pass) {
  c10::NoGradGuard no_grad;
  const Tensor head = at::mean(decoder_.head_weight().detach().to(at::kFloat), 0);
  const Tensor rows = at::tensor(pass.batch.rows, at::kLong).to(pass.hidden.device());
  Tensor logits = at::mv(at::index_select(pass.hidden.detach().to(at::kFloat), 0, rows), head);
  if (const Tensor bias = decoder_.head_bias(); bias.defined()) logits = logits + bias.mean();
  return logits.to(at::kCPU);
}

}  // namespace attune::engine::train
