// The vocabulary projection and its softmax, a chunk of rows at a time: what linear_log_probs and
// linear_nll are made of. One buffer [chunk, V] per call is re-used; it holds logits first and
// their gradient afterwards. Not thread-safe; used under no-grad.
#pragma once

#include <cstdint>

#include "engine/ops/linear_log_probs.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// What a pass writes per row; undefined tensors are not wanted.
struct RowOutputs {
  Tensor log_probs;        // [R]
  Tensor entropy;          // [R]
  Tensor correct;          // [R] bool
  Tensor log_sum_squares;  // [R]

  RowOutputs at(int64_t begin, int64_t count) const;
};
RowOutputs make_row_outputs(int64_t rows, const Tensor& like, const LogProbOptions& options);

// Turns `logits` [C, V] (fp32 or double, contiguous) in place into row_weights[r] * d(-log p)/d
// logit, that is w * (p - onehot) times the derivative of scale, softcap and temperature, and fills
// `out`. With undefined row_weights only `out` is filled and the buffer's content is unspecified.
void softmax_rows(Tensor& logits, const Tensor& targets, const Tensor& row_weights,
                  const LogProbOptions& options, const RowOutputs& out);

// The same composed of LibTorch's operators; any device and floating type.
void softmax_rows_reference(Tensor& logits, const Tensor& targets, const Tensor& row_weights,
                            const LogProbOptions& options, const RowOutputs& out);

class LogitHead {
 public:
  LogitHead(const Tensor& weight, const Tensor& bias, int64_t rows, const LogProbOptions& options);

  // Rows of hidden states in the type of the product.
  Tensor gather(const Tensor& hidden, const Tensor& rows) const;
  // hidden [C, D] -> raw logits [C, V] in the buffer; valid until the next call.
  Tensor& logits(const Tensor& hidden);
  // d logits [C, V] -> d hidden [C, D].
  Tensor hidden_gradient(const Tensor& d_logits) const;
  // weight_gradient [V, D] += d logits' * hidden; bias_gradient [V] likewise where there is a bias.
  // Undefined gradients are made: the first chunk of at least one row needs no zeros to add to.
  void add_weight_gradient(const Tensor& d_logits, const Tensor& hidden, Tensor& weight_gradient,
                           Tensor& bias_gradient) const;

  // Whether one call of logits() holds all rows and its buffer is the logits themselves.
  bool holds_all(int64_t rows) const {
    return rows <= chunk_rows_ && weight_.scalar_type() == logit_type_;
  }
  at::ScalarType logit_type() const { return logit_type_; }
  int64_t chunk_rows() const { return chunk_rows_; }

 private:
  Tensor weight_;  // [V, D] in the type of the product
  Tensor bias_;
  at::ScalarType logit_type_;
  int64_t chunk_rows_;
  Tensor buffer_;
  Tensor chunk_;  // the buffer's rows in use
};

}  // namespace attune::engine::ops
