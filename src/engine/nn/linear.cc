#include "engine/nn/linear.h"

#include <ATen/ops/linear.h>

#include "engine/ops/linear.h"

namespace attune::engine::nn {

Tensor Linear::forward(const Tensor& x) const {
  if (!blocks && transposed) return at::linear(x, weight.t(), bias);
  if (!blocks) return ops::linear(x, {weight, bias});
  Tensor y = ops::quantized_linear(x, *blocks);
  return bias.defined() ? y + bias : y;
}

Tensor Linear::matrix() const {
  if (blocks) return blocks->dequantize();
  return transposed ? weight.t() : weight;
}

}  // namespace attune::engine::nn
