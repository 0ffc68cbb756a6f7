// Linear layers: of an input as it is, and of inputs that are cheap to compute from what the graph
// keeps anyway (a norm of the residual stream, a gated activation). For those the backward pass
// makes the input once more instead of keeping it, which costs a pass over memory and saves a third
// of a layer's activations.
//
// Values and gradients are those of the operators one by one (ops/elementwise.h and at::linear), up
// to the order of sums: products run where ops/matrix_product.h says, and the gradients of several
// layers with one input are summed as they come.
#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// A layer y = x W' + b: weight [out, in], bias [out] or undefined.
struct LinearParameters {
  Tensor weight;
  Tensor bias;
};

// The layer's output [N, out] for x [N, in] of any type. Differentiable in everything.
Tensor linear(const Tensor& x, const LinearParameters& layer);

// Whether the functions below take these: fp32 on a CPU with kernels.
bool derived_linear_fits(const Tensor& input, const std::vector<LinearParameters>& layers);

// The outputs [N, out] of several layers of rms_norm(x), x [N, D]. Differentiable in everything.
std::vector<Tensor> rms_norm_linears(const Tensor& x, const Tensor& norm_weight, double epsilon,
                                     const std::vector<LinearParameters>& layers);

// The layer's output for swiglu(gate, up), both [N, F]. Differentiable in everything.
Tensor swiglu_linear(const Tensor& gate, const Tensor& up, const LinearParameters& layer);

}  // namespace attune::engine::ops
