#include "engine/train/sequences/sft_method.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "base/sha256.h"
#include "engine/objectives/nll.h"
#include "engine/ops/linear_log_probs.h"
#include "engine/train/sequences/sequence_pass.h"

namespace attune::engine::train {

SftMethod::SftMethod(models::Decoder& decoder, std::vector<std::string> adapters, SftLoss loss,
                     std::vector<SftRow> train, std::vector<SftRow> evaluation)
    : decoder_(decoder),
      adapters_(std::move(adapters)),
      loss_(loss),
      train_(std::move(train)),
      evaluation_(std::move(evaluation)) {}

const SftRow& SftMethod::row_at(Split split, int64_t row) const {
  const auto& rows = split == Split::kTrain ? train_ : evaluation_;
  return rows[static_cast<size_t>(row)];
}

int64_t SftMethod::row_count(Split split) const {
  return static_cast<int64_t>((split == Split::kTrain ? train_ : evaluation_).size());
}

int64_t SftMethod::row_tokens(Split split, int64_t row) const {
  return row_at(split, row).tokens();
}

int64_t SftMethod::row_units(Split split, int64_t row) const {
  return row_at(split, row).trained_tokens();
}

std::string SftMethod::row_name(Split split, int64_t row) const {
  const std::vector<RowName>& names = row_at(split, row).names;
  std::string name = fmt::format("{} row {}", names[0].file, names[0].number);
  if (names.size() > 1) name += fmt::format(" (packed with {} others)", names.size() - 1);
  return name;
}

PassResult SftMethod::pass(Split split, const std::vector<int64_t>& rows,
                           const PassOptions& options) {
  models::PackedBatch batch;
  TokenRequests requests;
  for (int64_t row : rows) {
    for (const TokenSequence& sequence : row_at(split, row).sequences) {
      add_sequence(sequence, batch, requests);
    }
  }
  const Tensor at_rows = at::tensor(requests.rows, at::kLong);
  const Tensor targets = at::tensor(requests.targets, at::kLong);
  const Tensor hidden = decoder_.forward(batch, {.adapters = {.stack = adapters_, .rows = {}},
                                                 .recompute = options.recompute,
                                                 .training = options.training,
                                                 .dropout_seed = options.dropout_seed,
                                                 .rows = requests.rows});
  const ops::LogProbOptions wanted{
      .entropy = true, .accuracy = true, .chunk_rows = options.chunk_rows};
  const Tensor weight = decoder_.head_weight();
  const Tensor bias = decoder_.head_bias();
  PassResult result;
  if (loss_ == SftLoss::kDft) {
    const ops::LogProbs scored =
        ops::linear_log_probs(hidden, weight, bias, at_rows, targets, wanted);
    result.loss = objectives::dft(scored.log_probs, {}, options.normaliser);
    add_token_sums(scored.entropy, scored.correct, result);
    return result;
  }
  // objectives::nll with its backward fused into the head's pass.
  const Tensor weights = at::full({at_rows.size(0)}, 1.0 / options.normaliser, at::kFloat);
  const ops::WeightedNll scored =
      ops::linear_nll(hidden, weight, bias, at_rows, targets, weights, wanted);
  result.loss = scored.loss;
  add_token_sums(scored.entropy, scored.correct, result);
  return result;
}

std::string SftMethod::fingerprint() const {
  Sha256 hash;
  hash_rows(train_, hash);
  hash.update("/", 1);
  hash_rows(evaluation_, hash);
  return hash.hex();
}

}  // namespace attune::engine::train
