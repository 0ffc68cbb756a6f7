// Packed sequences with a loss mask as one forward pass: what supervised fine-tuning and chains of
// hindsight have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/sha256.h"
#include "engine/models/packed_batch.h"
#include "engine/train/method.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

// Tokens that are predicted: row n of the hidden states predicts token n + 1.
struct TokenRequests {
  std::vector<int64_t> rows;     // [R]
  std::vector<int64_t> targets;  // [R]
};

// Puts a sequence behind what the batch has, as a root of its own, and asks for its trained tokens.
void add_sequence(const TokenSequence& sequence, models::PackedBatch& batch,
                  TokenRequests& requests);

// "entropy" and "mean_token_accuracy" (TRL's names) as sums over the requests.
void add_token_sums(const std::optional<Tensor>& entropy, const std::optional<Tensor>& correct,
                    PassResult& result);

// Ids and masks, for Method::fingerprint().
void hash_rows(const std::vector<SftRow>& rows, Sha256& hash);

}  // namespace attune::engine::train
