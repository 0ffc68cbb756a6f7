#include "engine/ops/linear_layers.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "engine/ops/matrix_product.h"

namespace attune::engine::ops {
namespace {

bool any_trains(const TensorList& tensors) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const Tensor& tensor) { return tensor.requires_grad(); });
}

// The middle of each share in `low` [N, sum of r].
TensorList middles(const Tensor& low, const TensorList& a) {
  TensorList parts;
  int64_t at = 0;
  for (const Tensor& one : a) {
    parts.push_back(low.narrow(1, at, one.size(0)));
    at += one.size(0);
  }
  return parts;
}

// What keep() kept, and which of it trains.
struct KeptLayers {
  KeptLayers(AutogradContext* context, const TensorList& saved, size_t own, size_t first_argument)
      : ctx(context), biased(context->saved_data["biased"].toIntVector()),
        shared(context->saved_data["shared"].toIntVector()),
        scales(context->saved_data["scales"].toDoubleVector()) {
    const size_t count = saved.size() - own - 2 * shared.size() - 1;
    auto next = saved.begin() + static_cast<std::ptrdiff_t>(own);
    const auto take = [&](size_t some) {
      const auto begin = std::exchange(next, next + static_cast<std::ptrdiff_t>(some));
      return TensorList(begin, next);
    };
    weights = take(count);
    a = take(shared.size());
    b = take(shared.size());
    low = take(1)[0];
    first_bias = first_argument + count;
    first_a = first_bias + biased.size();
    first_b = first_a + shared.size();
    first_weight = first_argument;
  }

  bool trains(size_t first, size_t place) const { return ctx->needs_input_grad(first + place); }

  AutogradContext* ctx;
  std::vector<int64_t> biased, shared;
  std::vector<double> scales;
  TensorList weights, a, b;
  Tensor low;
  size_t first_weight = 0, first_bias = 0, first_a = 0, first_b = 0;  // among the arguments
};

// d input of the weights alone.
Tensor input_gradient(const KeptLayers& kept, const TensorList& d_outputs) {
  Tensor d_input = product(d_outputs[0], kept.weights[0]);
  for (size_t i = 1; i < d_outputs.size(); ++i) {
    add_product(d_input, d_outputs[i], kept.weights[i]);
  }
  return d_input;
}

// Of the shares' a and b, and their part of d input, where it is defined.
std::pair<TensorList, TensorList> share_gradients(const KeptLayers& kept,
                                                  const TensorList& d_outputs,
                                                  const std::function<Tensor()>& input,
                                                  Tensor* d_input) {
  const size_t count = kept.shared.size();
  const auto d_output = [&](size_t k) { return d_outputs[static_cast<size_t>(kept.shared[k])]; };
  TensorList d_a(count), d_b(count);
  const TensorList low = middles(kept.low, kept.a);
  bool any_a = false;
  for (size_t k = 0; k < count; ++k) {
    any_a = any_a || kept.trains(kept.first_a, k);
    if (!kept.trains(kept.first_b, k)) continue;
    // Turned: a few rows by many columns, which the library is faster at than the reverse.
    d_b[k] = product(low[k].t(), d_output(k)).mul_(kept.scales[k]).t();
  }
  if (!any_a && !d_input->defined()) return {d_a, d_b};
  Tensor d_low = at::empty_like(kept.low);
  TensorList parts = middles(d_low, kept.a);
  for (size_t k = 0; k < count; ++k) {
    product_out(parts[k], d_output(k), kept.b[k]);
    parts[k].mul_(kept.scales[k]);
  }
  if (d_input->defined()) add_product(*d_input, d_low, at::cat(kept.a));
  if (!any_a) return {d_a, d_b};
  const Tensor all = product(d_low.t(), input());
  int64_t at = 0;
  for (size_t k = 0; k < count; ++k) {
    const int64_t rank = kept.a[k].size(0);
    if (kept.trains(kept.first_a, k)) d_a[k] = all.narrow(0, at, rank);
    at += rank;
  }
  return {d_a, d_b};
}

}  // namespace

LayerArguments arguments_of(const std::vector<LinearParameters>& layers) {
  LayerArguments arguments;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    const LinearParameters& layer = layers[i];
    arguments.weights.push_back(layer.weight);
    if (layer.bias.defined()) {
      arguments.biases.push_back(layer.bias);
      arguments.biased.push_back(place);
    }
    if (!layer.share) continue;
    arguments.a.push_back(layer.share->a);
    arguments.b.push_back(layer.share->b);
    arguments.scales.push_back(layer.share->scale);
    arguments.shared.push_back(place);
  }
  return arguments;
}

TensorList layer_outputs(const LayerArguments& layers, const Tensor& input, Tensor* low) {
  TensorList right;
  for (const Tensor& weight : layers.weights) right.push_back(weight.t());
  if (!layers.shared.empty()) right.push_back(at::cat(layers.a).t());
  TensorList outputs = products(input, right);
  if (!layers.shared.empty()) {
    *low = outputs.back();
    outputs.pop_back();
  }
  for (size_t k = 0; k < layers.biased.size(); ++k) {
    outputs[static_cast<size_t>(layers.biased[k])].add_(layers.biases[k]);
  }
  if (layers.shared.empty()) return outputs;
  const TensorList parts = middles(*low, layers.a);
  for (size_t k = 0; k < layers.shared.size(); ++k) {
    outputs[static_cast<size_t>(layers.shared[k])].addmm_(parts[k], layers.b[k].t(), 1,
                                                          layers.scales[k]);
  }
  return outputs;
}

bool need_input(const LayerArguments& layers) {
  return any_trains(layers.weights) || any_trains(layers.a);
}

void keep(AutogradContext* ctx, TensorList kept, const LayerArguments& layers, const Tensor& low) {
  for (const TensorList* list : {&layers.weights, &layers.a, &layers.b}) {
    kept.insert(kept.end(), list->begin(), list->end());
  }
  kept.push_back(low);
  ctx->saved_data["biased"] = layers.biased;
  ctx->saved_data["shared"] = layers.shared;
  ctx->saved_data["scales"] = layers.scales;
  ctx->save_for_backward(std::move(kept));
}

LayerGradients layer_gradients(AutogradContext* ctx, const TensorList& saved, size_t own,
                               size_t first_argument, const TensorList& d_outputs,
                               bool wants_input, const std::function<Tensor()>& input) {
  const KeptLayers kept(ctx, saved, own, first_argument);
  Tensor made;  // once, if at all
  const auto input_once = [&] {
    if (!made.defined()) made = input();
    return made;
  };
  LayerGradients gradients;
  if (wants_input) gradients.input = input_gradient(kept, d_outputs);
  TensorList& all = gradients.layers;
  for (size_t i = 0; i < d_outputs.size(); ++i) {
    const bool trains = kept.trains(kept.first_weight, i);
    all.push_back(trains ? product(d_outputs[i].t(), input_once()) : Tensor());
  }
  for (size_t k = 0; k < kept.biased.size(); ++k) {
    const Tensor& d_y = d_outputs[static_cast<size_t>(kept.biased[k])];
    all.push_back(kept.trains(kept.first_bias, k) ? d_y.sum(at::IntArrayRef{0}) : Tensor());
  }
  if (kept.shared.empty()) return gradients;
  const auto [d_a, d_b] = share_gradients(kept, d_outputs, input_once, &gradients.input);
  all.insert(all.end(), d_a.begin(), d_a.end());
  all.insert(all.end(), d_b.begin(), d_b.end());
  return gradients;
}

}  // namespace attune::engine::ops
