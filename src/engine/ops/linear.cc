#include "engine/ops/linear.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/ops/elementwise_rows.h"
#include "engine/ops/linear_layers.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

// Lists as autograd functions take them: as ArrayRef, since Function::apply does not look for
// tensors in vectors.
template <typename Function, typename... Own>
auto record(const LayerArguments& layers, const Own&... own) {
  return Function::apply(own..., at::TensorList(layers.weights), at::TensorList(layers.biases),
                         at::TensorList(layers.a), at::TensorList(layers.b), layers.biased,
                         layers.shared, layers.scales);
}

using Places = std::vector<int64_t>;
using Scales = std::vector<double>;

LayerArguments gathered(at::TensorList weights, at::TensorList biases, at::TensorList a,
                        at::TensorList b, const Places& biased, const Places& shared,
                        const Scales& scales) {
  return {weights.vec(), biases.vec(), a.vec(), b.vec(), biased, shared, scales};
}

// What a function's backward returns: for its own arguments, for the layers', and nothing for the
// three lists of places and scales.
TensorList with_layers(TensorList own, const LayerGradients& gradients) {
  own.insert(own.end(), gradients.layers.begin(), gradients.layers.end());
  own.resize(own.size() + 3);
  return own;
}

class PlainLinear : public AutogradFunction<PlainLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, at::TensorList weights,
                        at::TensorList biases, at::TensorList a, at::TensorList b,
                        const Places& biased, const Places& shared, const Scales& scales) {
    const LayerArguments layers = gathered(weights, biases, a, b, biased, shared, scales);
    Tensor low;
    const Tensor y = layer_outputs(layers, x, &low)[0];
    keep(ctx, {need_input(layers) ? x : Tensor()}, layers, low);
    return y;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const LayerGradients gradients = layer_gradients(ctx, saved, 1, 1, grads,
                                                     ctx->needs_input_grad(0),
                                                     [&] { return saved[0]; });
    return with_layers({gradients.input}, gradients);
  }
};

class RmsNormLinears : public AutogradFunction<RmsNormLinears> {
 public:
  static TensorList forward(AutogradContext* ctx, const Tensor& x_in, const Tensor& norm_in,
                            double epsilon, at::TensorList weights, at::TensorList biases,
                            at::TensorList a, at::TensorList b, const Places& biased,
                            const Places& shared, const Scales& scales) {
    const LayerArguments layers = gathered(weights, biases, a, b, biased, shared, scales);
    const Tensor x = x_in.contiguous(), norm = norm_in.contiguous();
    Tensor inverse_rms = at::empty({x.size(0)}, x.options()), low;
    const TensorList outputs =
        layer_outputs(layers, rms_norm_rows(x, norm, epsilon, inverse_rms), &low);
    ctx->saved_data["epsilon"] = epsilon;
    keep(ctx, {x, norm, inverse_rms}, layers, low);
    return outputs;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    TensorList saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &norm = saved[1];
    const double epsilon = ctx->saved_data["epsilon"].toDouble();
    const bool wants_input = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    const LayerGradients gradients =
        layer_gradients(ctx, saved, 3, 2, grads, wants_input,
                        [&] { return rms_norm_rows(x, norm, epsilon, saved[2]); });
    TensorList own(3);
    if (wants_input) {
      std::tie(own[0], own[1]) = rms_norm_rows_backward(x, norm, saved[2], gradients.input);
    }
    return with_layers(std::move(own), gradients);
  }
};

class SwigluLinear : public AutogradFunction<SwigluLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate_in, const Tensor& up_in,
                        at::TensorList weights, at::TensorList biases, at::TensorList a,
                        at::TensorList b, const Places& biased, const Places& shared,
                        const Scales& scales) {
    const LayerArguments layers = gathered(weights, biases, a, b, biased, shared, scales);
    const Tensor gate = gate_in.contiguous(), up = up_in.contiguous();
    Tensor low;
    const Tensor y = layer_outputs(layers, swiglu_rows(gate, up), &low)[0];
    keep(ctx, {gate, up}, layers, low);
    return y;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor &gate = saved[0], &up = saved[1];
    const bool wants_input = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    const LayerGradients gradients = layer_gradients(
        ctx, saved, 2, 2, grads, wants_input, [&] { return swiglu_rows(gate, up); });
    TensorList own(2);
    if (wants_input) std::tie(own[0], own[1]) = swiglu_rows_backward(gate, up, gradients.input);
    return with_layers(std::move(own), gradients);
  }
};

}  // namespace

Tensor add_share(Tensor y, const Tensor& x, const LowRankShare& share) {
  const auto type = x.scalar_type();
  const Tensor low = at::mm(x, share.a.to(type).t());
  return at::addmm(y, low, share.b.to(type).t(), 1, share.scale);
}

Tensor linear(const Tensor& x, const LinearParameters& layer) {
  const bool fp32 = x.is_cpu() && x.dim() == 2 && x.scalar_type() == at::kFloat &&
                    layer.weight.scalar_type() == at::kFloat;
  if (fp32) return record<PlainLinear>(arguments_of({layer}), x);
  const Tensor y = at::linear(x, layer.weight, if_defined(layer.bias));
  return layer.share ? add_share(y, x, *layer.share) : y;
}

bool derived_linear_fits(const Tensor& input, const std::vector<LinearParameters>& layers) {
  return std::all_of(layers.begin(), layers.end(), [&](const LinearParameters& layer) {
    return layer.weight.defined() && row_kernels_fit(input, layer.weight);
  });
}

std::vector<Tensor> rms_norm_linears(const Tensor& x, const Tensor& norm_weight, double epsilon,
                                     const std::vector<LinearParameters>& layers) {
  return record<RmsNormLinears>(arguments_of(layers), x, norm_weight, epsilon);
}

Tensor swiglu_linear(const Tensor& gate, const Tensor& up, const LinearParameters& layer) {
  return record<SwigluLinear>(arguments_of({layer}), gate, up);
}

}  // namespace attune::engine::ops
