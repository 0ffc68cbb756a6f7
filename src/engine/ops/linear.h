// Linear layers: of an input as it is, and of inputs that are cheap to compute from what the graph
// keeps anyway (a norm of the residual stream, a gated activation). For those the backward pass
// makes the input once more instead of keeping it, which costs a pass over memory and saves a third
// of a layer's activations.
//
// Values and gradients are those of the operators one by one (ops/elementwise.h and at::linear), up
// to the order of sums: products run where ops/matrix_product.h says, and the gradients of several
// layers with one input are summed as they come.
#pragma once

#include <optional>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// What an adapter adds to a layer's output: scale * (x A') B' (LoRA, arXiv 2106.09685).
struct LowRankShare {
  Tensor a;  // [r, in]
  Tensor b;  // [out, r]
  double scale = 1.0;
};

// A layer y = x W' + b: weight [out, in], bias [out] or undefined, a share or none.
struct LinearParameters {
  Tensor weight;
  Tensor bias;
  std::optional<LowRankShare> share = {};
};

// The layer's output [N, out] for x [N, in] of any type. Differentiable in everything.
Tensor linear(const Tensor& x, const LinearParameters& layer);

// y [N, out] and the share for x [N, in], of any type, by LibTorch's operators; differentiable.
Tensor add_share(Tensor y, const Tensor& x, const LowRankShare& share);

// Whether the functions below take these: fp32 on a CPU with kernels.
bool derived_linear_fits(const Tensor& input, const std::vector<LinearParameters>& layers);

// The outputs [N, out] of several layers of rms_norm(x), x [N, D]. Differentiable in everything.
std::vector<Tensor> rms_norm_linears(const Tensor& x, const Tensor& norm_weight, double epsilon,
                                     const std::vector<LinearParameters>& layers);

// The layer's output for swiglu(gate, up), both [N, F]. Differentiable in everything.
Tensor swiglu_linear(const Tensor& gate, const Tensor& up, const LinearParameters& layer);

}  // namespace attune::engine::ops
