#include "engine/ops/linear.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/ops/elementwise_rows.h"
#include "engine/ops/matrix_product.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

Tensor forward_of(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  Tensor y = product(input, weight.t());
  return bias.defined() ? y.add_(bias) : y;
}

Tensor bias_gradient(const Tensor& d_y) { return d_y.sum(at::IntArrayRef{0}); }

// Whether the input at `index` is there, as `flag` of the forward pass says, and trains.
bool wants(AutogradContext* ctx, const char* flag, size_t index) {
  return ctx->saved_data[flag].toBool() && ctx->needs_input_grad(index);
}

class PlainLinear : public AutogradFunction<PlainLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                        const std::optional<Tensor>& bias) {
    // The input serves the weight's gradient alone.
    ctx->save_for_backward({weight.requires_grad() ? x : Tensor(), weight});
    ctx->saved_data["biased"] = bias.has_value();
    return forward_of(x, weight, bias.value_or(Tensor()));
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor& d_y = grads[0];
    Tensor d_x, d_weight, d_bias;
    if (ctx->needs_input_grad(0)) d_x = product(d_y, saved[1]);
    if (ctx->needs_input_grad(1)) d_weight = product(d_y.t(), saved[0]);
    if (wants(ctx, "biased", 2)) d_bias = bias_gradient(d_y);
    return {d_x, d_weight, d_bias};
  }
};

class RmsNormLinears : public AutogradFunction<RmsNormLinears> {
 public:
  static TensorList forward(AutogradContext* ctx, const Tensor& x_in, const Tensor& norm_in,
                            double epsilon, at::TensorList weights, at::TensorList biases,
                            const std::vector<int64_t>& biased) {
    const Tensor x = x_in.contiguous(), norm = norm_in.contiguous();
    Tensor inverse_rms = at::empty({x.size(0)}, x.options());
    const Tensor normed = rms_norm_rows(x, norm, epsilon, inverse_rms);
    TensorList outputs, kept{x, norm, inverse_rms};
    for (size_t i = 0; i < weights.size(); ++i) {
      outputs.push_back(forward_of(normed, weights[i], Tensor()));
      kept.push_back(weights[i]);
    }
    for (size_t b = 0; b < biased.size(); ++b) {
      outputs[static_cast<size_t>(biased[b])].add_(biases[b]);
    }
    ctx->saved_data["biased"] = biased;
    ctx->saved_data["epsilon"] = epsilon;
    ctx->save_for_backward(kept);
    return outputs;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    TensorList saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &norm = saved[1];
    const size_t layers = grads.size(), first_weight = 2, first_bias = first_weight + layers;
    const bool wants_input = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    const Tensor normed =
        rms_norm_rows(x, norm, ctx->saved_data["epsilon"].toDouble(), saved[2]);
    TensorList d_weights(layers), d_biases;
    Tensor d_normed;
    for (size_t i = 0; i < layers; ++i) {
      const Tensor& d_y = grads[i];
      if (ctx->needs_input_grad(first_weight + i)) d_weights[i] = product(d_y.t(), normed);
      if (!wants_input) continue;
      if (d_normed.defined()) {
        add_product(d_normed, d_y, saved[3 + i]);
      } else {
        d_normed = product(d_y, saved[3 + i]);
      }
    }
    for (int64_t layer : ctx->saved_data["biased"].toIntVector()) {
      const bool trains = ctx->needs_input_grad(first_bias + d_biases.size());
      d_biases.push_back(trains ? bias_gradient(grads[static_cast<size_t>(layer)]) : Tensor());
    }
    TensorList result(3);
    if (wants_input) {
      std::tie(result[0], result[1]) = rms_norm_rows_backward(x, norm, saved[2], d_normed);
    }
    result.insert(result.end(), d_weights.begin(), d_weights.end());
    result.insert(result.end(), d_biases.begin(), d_biases.end());
    result.emplace_back();
    return result;
  }
};

class SwigluLinear : public AutogradFunction<SwigluLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate_in, const Tensor& up_in,
                        const Tensor& weight, const std::optional<Tensor>& bias) {
    const Tensor gate = gate_in.contiguous(), up = up_in.contiguous();
    ctx->save_for_backward({gate, up, weight});
    ctx->saved_data["biased"] = bias.has_value();
    return forward_of(swiglu_rows(gate, up), weight, bias.value_or(Tensor()));
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor &gate = saved[0], &up = saved[1], &d_y = grads[0];
    Tensor d_gate, d_up, d_weight, d_bias;
    if (ctx->needs_input_grad(2)) d_weight = product(d_y.t(), swiglu_rows(gate, up));
    if (wants(ctx, "biased", 3)) d_bias = bias_gradient(d_y);
    if (ctx->needs_input_grad(0) || ctx->needs_input_grad(1)) {
      std::tie(d_gate, d_up) = swiglu_rows_backward(gate, up, product(d_y, saved[2]));
    }
    return {d_gate, d_up, d_weight, d_bias};
  }
};

}  // namespace

Tensor linear(const Tensor& x, const LinearParameters& layer) {
  const bool fp32 = x.is_cpu() && x.dim() == 2 && x.scalar_type() == at::kFloat &&
                    layer.weight.scalar_type() == at::kFloat;
  if (!fp32) return at::linear(x, layer.weight, if_defined(layer.bias));
  return PlainLinear::apply(x, layer.weight, if_defined(layer.bias));
}

bool derived_linear_fits(const Tensor& input, const std::vector<LinearParameters>& layers) {
  return std::all_of(layers.begin(), layers.end(), [&](const LinearParameters& layer) {
    return layer.weight.defined() && row_kernels_fit(input, layer.weight);
  });
}

std::vector<Tensor> rms_norm_linears(const Tensor& x, const Tensor& norm_weight, double epsilon,
                                     const std::vector<LinearParameters>& layers) {
  TensorList weights, biases;
  std::vector<int64_t> biased;
  for (size_t i = 0; i < layers.size(); ++i) {
    weights.push_back(layers[i].weight);
    if (!layers[i].bias.defined()) continue;
    biases.push_back(layers[i].bias);
    biased.push_back(static_cast<int64_t>(i));
  }
  // As ArrayRef: Function::apply does not look for tensors in vectors.
  return RmsNormLinears::apply(x, norm_weight, epsilon, at::TensorList(weights),
                               at::TensorList(biases), biased);
}

Tensor swiglu_linear(const Tensor& gate, const Tensor& up, const LinearParameters& layer) {
  return SwigluLinear::apply(gate, up, layer.weight, if_defined(layer.bias));
}

}  // namespace attune::engine::ops
