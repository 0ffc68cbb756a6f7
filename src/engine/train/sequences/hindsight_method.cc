#include "engine/train/sequences/hindsight_method.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include "base/random.h"
#include "engine/ops/linear_log_probs.h"

namespace attune::engine::train {
namespace {

constexpr uint64_t kPretrainingStream = 0xc04;

// Weighted negative log-likelihood of the requests, each token with the same weight.
ops::WeightedNll nll_of(models::Decoder& decoder, const Tensor& hidden,
                        const TokenRequests& requests, double weight, const PassOptions& options,
                        bool metrics) {
  const auto count = static_cast<int64_t>(requests.rows.size());
  const ops::LogProbOptions wanted{
      .entropy = metrics, .accuracy = metrics, .chunk_rows = options.chunk_rows};
  return ops::linear_nll(hidden, decoder.head_weight(), decoder.head_bias(),
                         at::tensor(requests.rows, at::kLong),
                         at::tensor(requests.targets, at::kLong),
                         at::full({count}, weight, at::kFloat), wanted);
}

Mean mean_of(const ops::WeightedNll& scored) {
  return {-at::sum(scored.log_probs).item<double>(),
          static_cast<double>(scored.log_probs.size(0))};
}

}  // namespace

HindsightMethod::HindsightMethod(models::Decoder& decoder, std::vector<std::string> adapters,
                                 HindsightOptions options, HindsightRows rows)
    : decoder_(decoder),
      adapters_(std::move(adapters)),
      options_(options),
      rows_(std::move(rows)) {}

bool HindsightMethod::is_pretraining(Split split, int64_t row) const {
  return split == Split::kTrain && row >= static_cast<int64_t>(rows_.train.size());
}

const SftRow& HindsightMethod::row_at(Split split, int64_t row) const {
  if (split == Split::kEvaluation) return rows_.evaluation[static_cast<size_t>(row)];
  const size_t index = static_cast<size_t>(row);
  if (!is_pretraining(split, row)) return rows_.train[index];
  return rows_.pretraining[index - rows_.train.size()];
}

int64_t HindsightMethod::row_count(Split split) const {
  return static_cast<int64_t>((split == Split::kTrain ? rows_.train : rows_.evaluation).size());
}

int64_t HindsightMethod::row_tokens(Split split, int64_t row) const {
  return row_at(split, row).tokens();
}

// The units of a step are its answers' tokens; pretraining has a mean of its own.
int64_t HindsightMethod::row_units(Split split, int64_t row) const {
  return is_pretraining(split, row) ? 0 : row_at(split, row).trained_tokens();
}

std::string HindsightMethod::row_name(Split split, int64_t row) const {
  const std::vector<RowName>& names = row_at(split, row).names;
  std::string name = fmt::format("{} row {}", names[0].file, names[0].number);
  if (names.size() > 1) name += fmt::format(" (packed with {} others)", names.size() - 1);
  return name;
}

std::vector<int64_t> HindsightMethod::pretraining_rows_of(int64_t step) const {
  const auto count = static_cast<int64_t>(rows_.pretraining.size());
  std::vector<int64_t> rows, order;
  if (count == 0) return rows;
  int64_t loaded = -1;
  for (int64_t i = 0; i < options_.pretrain_rows; ++i) {
    const int64_t at = step * options_.pretrain_rows + i;
    if (at / count != loaded) {
      loaded = at / count;
      Random random(options_.data_seed ^ kPretrainingStream, static_cast<uint64_t>(loaded));
      order = random.permutation(count);
    }
    rows.push_back(static_cast<int64_t>(rows_.train.size()) +
                   order[static_cast<size_t>(at % count)]);
  }
  return rows;
}

Result<StepUpdates> HindsightMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  StepUpdates updates{Split::kTrain, {rows}, {}};
  pretraining_units_ = 0;
  for (int64_t row : pretraining_rows_of(step)) {
    pretraining_units_ += row_at(Split::kTrain, row).trained_tokens();
    updates.rows[0].push_back(row);
  }
  return updates;
}

Tensor HindsightMethod::hidden_states(const models::PackedBatch& batch,
                                      const PassOptions& options) {
  const models::ForwardOptions forward{.adapters = {.stack = adapters_, .rows = {}},
                                       .recompute = options.recompute,
                                       .training = options.training,
                                       .dropout_seed = options.dropout_seed};
  if (!options.training || !options_.forgetful.on()) return decoder_.forward(batch, forward);
  attention_ = std::make_unique<models::ForgetfulAttention>(batch.layout, options_.forgetful,
                                                            options.dropout_seed);
  return decoder_.forward(batch.token_tensor(), batch.position_tensor(), *attention_, forward);
}

PassResult HindsightMethod::pass(Split split, const std::vector<int64_t>& rows,
                                 const PassOptions& options) {
  models::PackedBatch batch;
  TokenRequests answers, text;
  for (int64_t row : rows) {
    TokenRequests& requests = is_pretraining(split, row) ? text : answers;
    for (const TokenSequence& sequence : row_at(split, row).sequences) {
      add_sequence(sequence, batch, requests);
    }
  }
  const Tensor hidden = hidden_states(batch, options);
  PassResult result;
  if (!answers.rows.empty()) {
    const ops::WeightedNll scored =
        nll_of(decoder_, hidden, answers, 1.0 / options.normaliser, options, true);
    result.loss = scored.loss;
    add_token_sums(scored.entropy, scored.correct, result);
    if (pretraining_units_ > 0 && options.training)
      result.means["hindsight_loss"] = mean_of(scored);
  }
  if (!text.rows.empty()) {
    const double weight = options_.pretrain_weight / static_cast<double>(pretraining_units_);
    const ops::WeightedNll scored = nll_of(decoder_, hidden, text, weight, options, false);
    result.loss = result.loss.defined() ? result.loss + scored.loss : scored.loss;
    result.means["pretrain_loss"] = mean_of(scored);
  }
  return result;
}

std::string HindsightMethod::fingerprint() const {
  Sha256 hash;
  hash_rows(rows_.train, hash);
  hash.update("/", 1);
  hash_rows(rows_.evaluation, hash);
  hash.update("/", 1);
  hash_rows(rows_.pretraining, hash);
  return hash.hex();
}

}  // namespace attune::engine::train
