// Linear layers of one input, forward and backward: what the autograd functions of ops/linear.h are
// made of. fp32 tensors of the CPU; internal to ops/.
//
// The first halves of all layers' low-rank shares are one product with the input, made beside those
// of the weights, and so are their gradients: by itself such a product is so narrow that it costs
// what reading the input costs.
#pragma once

#include <functional>
#include <vector>

#include "engine/ops/linear.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {

// Layers as arguments of an autograd function, which wants lists of tensors that are all there:
// biases and shares are those of the layers that have some.
struct LayerArguments {
  TensorList weights, biases, a, b;
  std::vector<int64_t> biased, shared;  // layers with a bias, with a share
  std::vector<double> scales;           // of the shares
};
LayerArguments arguments_of(const std::vector<LinearParameters>& layers);

// The outputs [N, out] for input [N, in]; `low` becomes the shares' middles [N, sum of r].
TensorList layer_outputs(const LayerArguments& layers, const Tensor& input, Tensor* low);

// Whether the backward pass needs the layers' input.
bool need_input(const LayerArguments& layers);

// Keeps the layers for the backward pass, behind the tensors `kept` of the function's own.
void keep(AutogradContext* ctx, TensorList kept, const LayerArguments& layers, const Tensor& low);

struct LayerGradients {
  Tensor input;        // undefined where it is not wanted
  TensorList layers;   // of weights, biases, a, b in turn; undefined for what does not train
};
// From those of the outputs. `saved` is what keep() kept, `own` of it the function's, and
// `first_argument` the place of the layers' tensors among the function's. `input` makes the layers'
// input.
LayerGradients layer_gradients(AutogradContext* ctx, const TensorList& saved, size_t own,
                               size_t first_argument, const TensorList& d_outputs, bool wants_input,
                               const std::function<Tensor()>& input);

}  // namespace attune::engine::ops
