// A linear layer of a trunk: y = x W^T + b. W is a tensor (which may train) or frozen blocks of 8
// or 4 bits. Adapters are not its business: nn/adapters.h adds their share to its output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/ops/quantized_matrix.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::nn {

struct Linear {
  std::string path;        // "model.layers.0.self_attn.q_proj"
  int64_t out = 0;
  int64_t in = 0;
  bool transposed = false;  // `weight` is stored [in, out], as GPT-2's checkpoints have it
  Tensor weight;            // [out, in] or transposed; undefined when `blocks` holds it
  Tensor bias;              // [out], or undefined
  std::optional<ops::QuantizedMatrix> blocks;  // always [out, in]

  // x [N, in] gives [N, out] of x's type.
  Tensor forward(const Tensor& x) const;

  // The weight as [out, in]: a view, or a de-quantised fp32 copy.
  Tensor matrix() const;
};

}  // namespace attune::engine::nn
