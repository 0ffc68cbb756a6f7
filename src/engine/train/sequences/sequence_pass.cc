#include "engine/train/sequences/sequence_pass.h"

#include <ATen/ops/sum.h>

namespace attune::engine::train {

void add_sequence(const TokenSequence& sequence, models::PackedBatch& batch,
                  TokenRequests& requests) {
  const int64_t begin = batch.layout.tokens();
  batch.add_root(sequence.ids);
  for (size_t t = 1; t < sequence.ids.size(); ++t) {
    if (sequence.trained[t] == 0) continue;
    requests.rows.push_back(begin + static_cast<int64_t>(t) - 1);
    requests.targets.push_back(sequence.ids[t]);
  }
}

void add_token_sums(const std::optional<Tensor>& entropy, const std::optional<Tensor>& correct,
                    PassResult& result) {
  if (entropy) result.sums["entropy"] = at::sum(*entropy).item<double>();
  if (correct) result.sums["mean_token_accuracy"] = at::sum(*correct).item<double>();
}

void hash_rows(const std::vector<SftRow>& rows, Sha256& hash) {
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

}  // namespace attune::engine::train
