// Log-probabilities at chosen rows without ever holding [N, V] logits (design §4; the idea of
// chunked cross-entropy, arXiv 2411.09009). Logits of `chunk_rows` rows exist at a time, always in
// fp32, and peak memory does not depend on R x V.
//
// hidden, weight and bias are on one device; what is asked for may come from any, and what is found
// comes back to the CPU, a few numbers a row: objectives are computed there.
//
// What is computed when: for a request r with row n and target t, d log p(t) / d hidden[n] is
// W[t] - sum_v p(v) W[v] (divided by the temperature), which needs no knowledge of the outer
// gradient; it is computed in the same pass as the forward and only scaled later. The weight's
// gradient needs the outer gradient: linear_nll knows it beforehand (row weights) and stays at
// three matrix products. linear_log_probs, only when weight requires grad, keeps d log p / d logit
// where one chunk holds all rows (the buffer it has anyway), and else recomputes the logits.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

struct LogProbOptions {
  double temperature = 1.0;  // divides logits, in every log-prob of a run (losses.md §2.8)
  bool entropy = false;      // also the entropy of each row's distribution, nats
  bool accuracy = false;     // also whether the target is the row's argmax
  bool log_sum_squares = false;  // also log sum_v p(v)^2 of each row (WPO's weights)
  int64_t chunk_rows = 256;  // rows of logits held at a time
  double logit_softcap = 0;  // Gemma 2: cap * tanh(logit / cap); 0 means none
  double logit_scale = 1.0;  // multiplies logits (Granite, Cohere)
};

struct LogProbs {
  Tensor log_probs;                       // [R] fp32, differentiable
  std::optional<Tensor> entropy;          // [R] fp32, no gradient
  std::optional<Tensor> correct;          // [R] bool
  std::optional<Tensor> log_sum_squares;  // [R] fp32, no gradient
};

// hidden [N, D], weight [V, D], bias [V] or undefined, rows [R] int64 into N (repeats allowed: the
// last prompt token predicts the first token of all K completions), targets [R] int64 into V.
LogProbs linear_log_probs(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                          const Tensor& rows, const Tensor& targets, const LogProbOptions& = {});

struct WeightedNll {
  Tensor loss;                    // scalar fp32, differentiable: sum_r row_weights[r] * -log p_r
  Tensor log_probs;               // [R] fp32, no gradient (metrics)
  std::optional<Tensor> entropy;  // [R]
  std::optional<Tensor> correct;  // [R]
};

// The weighted negative log-likelihood with its whole backward fused into the forward pass (three
// matrix products a chunk). row_weights [R] fp32 are constants, for example 1 / trained tokens.
WeightedNll linear_nll(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                       const Tensor& rows, const Tensor& targets, const Tensor& row_weights,
                       const LogProbOptions& = {});

}  // namespace attune::engine::ops
