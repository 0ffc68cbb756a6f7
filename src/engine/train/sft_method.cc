#include "engine/train/sft_method.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include "base/sha256.h"
#include "engine/objectives/nll.h"
#include "engine/ops/linear_log_probs.h"

namespace attune::engine::train {
namespace {

// A pass's tokens and which of them are predicted: row n of the hidden states predicts token n + 1.
struct PackedRows {
  models::PackedBatch batch;
  std::vector<int64_t> rows;     // [R]
  std::vector<int64_t> targets;  // [R]
};

void add_sequence(PackedRows& packed, const TokenSequence& sequence) {
  const int64_t begin = packed.batch.layout.tokens();
  packed.batch.add_root(sequence.ids);
  for (size_t t = 1; t < sequence.ids.size(); ++t) {
    if (sequence.trained[t] == 0) continue;
    packed.rows.push_back(begin + static_cast<int64_t>(t) - 1);
    packed.targets.push_back(sequence.ids[t]);
  }
}

void add_sums(PassResult& result, const std::optional<Tensor>& entropy,
              const std::optional<Tensor>& correct) {
  if (entropy) result.sums["entropy"] = at::sum(*entropy).item<double>();
  if (correct) result.sums["mean_token_accuracy"] = at::sum(*correct).item<double>();
}

void hash_rows(Sha256& hash, const std::vector<SftRow>& rows) {
  for (const SftRow& row : rows) {
    for (const TokenSequence& sequence : row.sequences) {
      const uint64_t length = sequence.ids.size();
      hash.update(&length, sizeof(length));
      hash.update(sequence.ids.data(), length * sizeof(int32_t));
      hash.update(sequence.trained.data(), length);
    }
    hash.update("|", 1);
  }
}

}  // namespace

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
  PackedRows packed;
  for (int64_t row : rows) {
    for (const TokenSequence& sequence : row_at(split, row).sequences) {
      add_sequence(packed, sequence);
    }
  }
  const Tensor at_rows = at::tensor(packed.rows, at::kLong);
  const Tensor targets = at::tensor(packed.targets, at::kLong);
  const Tensor hidden =
      decoder_.forward(packed.batch, {.adapters = {.stack = adapters_, .rows = {}},
                                      .recompute = options.recompute,
                                      .training = options.training,
                                      .dropout_seed = options.dropout_seed});
  const ops::LogProbOptions wanted{
      .entropy = true, .accuracy = true, .chunk_rows = options.chunk_rows};
  const Tensor weight = decoder_.head_weight();
  const Tensor bias = decoder_.head_bias();
  PassResult result;
  if (loss_ == SftLoss::kDft) {
    const ops::LogProbs scored =
        ops::linear_log_probs(hidden, weight, bias, at_rows, targets, wanted);
    result.loss = objectives::dft(scored.log_probs, {}, options.normaliser);
    add_sums(result, scored.entropy, scored.correct);
    return result;
  }
  // objectives::nll with its backward fused into the head's pass.
  const Tensor weights = at::full({at_rows.size(0)}, 1.0 / options.normaliser, at::kFloat);
  const ops::WeightedNll scored =
      ops::linear_nll(hidden, weight, bias, at_rows, targets, weights, wanted);
  result.loss = scored.loss;
  add_sums(result, scored.entropy, scored.correct);
  return result;
}

std::string SftMethod::fingerprint() const {
  Sha256 hash;
  hash_rows(hash, train_);
  hash.update("/", 1);
  hash_rows(hash, evaluation_);
  return hash.hex();
}

}  // namespace attune::engine::train
