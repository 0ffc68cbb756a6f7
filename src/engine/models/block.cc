#include "engine/models/block.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>

#include <optional>
#include <vector>

#include "base/check.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/linear.h"

namespace attune::engine::models {
namespace {

struct Heads {
  Tensor q;     // [N, H, Dh]
  Tensor k, v;  // [N, Hk, Dh]
};

// A layer as one operator, where it is a tensor and an adapter's share at most.
std::optional<ops::LinearParameters> as_parameters(const nn::Linear& linear,
                                                   const BlockPass& pass) {
  if (linear.blocks || linear.transposed) return std::nullopt;
  const ForwardOptions& options = pass.options;
  const auto pair = pass.adapters->single_pair(linear.path, options.adapters,
                                               {options.training, options.dropout_seed});
  if (!pair) return std::nullopt;
  ops::LinearParameters layer{linear.weight, linear.bias};
  if (*pair != nullptr) layer.share = **pair;
  return layer;
}

Tensor project(const nn::Linear& linear, const Tensor& x, const BlockPass& pass) {
  if (const auto layer = as_parameters(linear, pass)) return ops::linear(x, *layer);
  const ForwardOptions& options = pass.options;
  return pass.adapters->apply(linear.path, x, linear.forward(x), options.adapters,
                              {options.training, options.dropout_seed});
}

Tensor to_heads(const Tensor& x, int64_t heads) {
  return x.view({x.size(0), heads, x.size(1) / heads});
}

Heads split_fused(const Tensor& qkv, const DecoderConfig& config) {
  const int64_t rows = qkv.size(0);
  const int64_t width = config.head_width;
  const int64_t shared = config.heads / config.kv_heads;
  if (config.qkv_layout == QkvLayout::kGrouped) {
    Tensor grouped = qkv.view({rows, config.kv_heads, shared + 2, width});
    return {grouped.narrow(2, 0, shared).reshape({rows, config.heads, width}),
            grouped.select(2, shared), grouped.select(2, shared + 1)};
  }
  Tensor heads = qkv.view({rows, config.heads + 2 * config.kv_heads, width});
  return {heads.narrow(1, 0, config.heads), heads.narrow(1, config.heads, config.kv_heads),
          heads.narrow(1, config.heads + config.kv_heads, config.kv_heads)};
}

// norm(x) on its way into linear layers. Where they are all as_parameters() it is not kept for the
// backward pass (ops/linear.h).
class NormedInput {
 public:
  NormedInput(const nn::Norm& norm, const Tensor& x, const BlockPass& pass)
      : norm_(norm), x_(x), pass_(pass) {}

  std::vector<Tensor> project(const std::vector<const nn::Linear*>& linears) {
    std::vector<ops::LinearParameters> layers;
    for (const nn::Linear* linear : linears) {
      if (const auto layer = as_parameters(*linear, pass_)) layers.push_back(*layer);
    }
    if (!norm_.layer_norm && layers.size() == linears.size() &&
        ops::derived_linear_fits(x_, layers)) {
      return ops::rms_norm_linears(x_, norm_.weight, norm_.epsilon, layers);
    }
    if (!value_.defined()) value_ = norm_.forward(x_);
    std::vector<Tensor> outputs;
    for (const nn::Linear* linear : linears) {
      outputs.push_back(models::project(*linear, value_, pass_));
    }
    return outputs;
  }

 private:
  const nn::Norm& norm_;
  Tensor x_;
  const BlockPass& pass_;
  Tensor value_;
};

Heads project_heads(const Block& block, NormedInput& x, const BlockPass& pass) {
  const DecoderConfig& config = *pass.config;
  if (block.qkv) return split_fused(x.project({&*block.qkv})[0], config);
  const std::vector<Tensor> qkv = x.project({&*block.q, &*block.k, &*block.v});
  return {to_heads(qkv[0], config.heads), to_heads(qkv[1], config.kv_heads),
          to_heads(qkv[2], config.kv_heads)};
}

// Brings the members of adjacent pairs into the two halves that ops::rotate expects. The order
// stays so: q and k change alike, and their products do not depend on it.
Tensor halves_from_adjacent(const Tensor& x, int64_t width) {
  Tensor pairs = x.narrow(2, 0, width).reshape({x.size(0), x.size(1), width / 2, 2});
  Tensor halves = pairs.transpose(2, 3).reshape({x.size(0), x.size(1), width});
  if (width == x.size(2)) return halves;
  return at::cat({halves, x.narrow(2, width, x.size(2) - width)}, 2);
}

Tensor rotate_heads(const Tensor& x, const BlockPass& pass) {
  const RotaryConfig& rotary = pass.config->rotary;
  const bool adjacent = rotary.pairs == RotaryPairs::kAdjacent;
  return ops::rotate(adjacent ? halves_from_adjacent(x, rotary.width) : x, pass.table,
                     pass.positions);
}

// Of the rows that are asked for.
Tensor asked(const Tensor& x, const BlockPass& pass) {
  return pass.rows.defined() ? x.index_select(0, pass.rows) : x;
}

// Every row is attended to; the result is that of the rows that are asked for.
Tensor attention(const Block& block, int64_t layer, NormedInput& x, const BlockPass& pass) {
  const DecoderConfig& config = *pass.config;
  const LayerConfig& settings = config.layers[static_cast<size_t>(layer)];
  Heads heads = project_heads(block, x, pass);
  if (block.q_norm.present()) heads.q = block.q_norm.forward(heads.q);
  if (block.k_norm.present()) heads.k = block.k_norm.forward(heads.k);
  if (config.positions == PositionKind::kRotary && settings.rotary) {
    heads.q = rotate_heads(heads.q, pass);
    heads.k = rotate_heads(heads.k, pass);
  }
  ops::AttentionOptions options{settings.score_scale, settings.window, config.alibi_slopes,
                                config.alibi_scale};
  Tensor mixed = pass.attention->attend(layer, heads.q, heads.k, heads.v, options);
  const Tensor rows = mixed.reshape({mixed.size(0), config.heads * config.head_width});
  return project(block.output, asked(rows, pass), pass);
}

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kSilu: return at::silu(x);
    case Activation::kGelu: return ops::gelu(x, /*tanh=*/false);
    case Activation::kGeluTanh: return ops::gelu(x, /*tanh=*/true);
    case Activation::kRelu: return at::relu(x);
  }
  CHECK(false, "an activation without implementation");
}

Tensor activate_gated(const Tensor& gate, const Tensor& up, Activation activation) {
  switch (activation) {
    case Activation::kSilu: return ops::swiglu(gate, up);
    case Activation::kGelu: return ops::geglu(gate, up, /*tanh=*/false);
    case Activation::kGeluTanh: return ops::geglu(gate, up, /*tanh=*/true);
    case Activation::kRelu: return at::relu(gate) * up;
  }
  CHECK(false, "an activation without implementation");
}

Tensor feed_forward(const Block& block, NormedInput& x, const BlockPass& pass) {
  const Activation activation = pass.config->activation;
  if (!block.gate) {
    return project(block.down, activate(x.project({&block.up})[0], activation), pass);
  }
  const std::vector<Tensor> both = x.project({&*block.gate, &block.up});
  const auto down = as_parameters(block.down, pass);
  if (activation == Activation::kSilu && down && ops::derived_linear_fits(both[0], {*down})) {
    return ops::swiglu_linear(both[0], both[1], *down);
  }
  return project(block.down, activate_gated(both[0], both[1], activation), pass);
}

}  // namespace

Tensor forward_block(const Block& block, int64_t layer, const Tensor& x, const BlockPass& pass) {
  NormedInput first(block.attention_norm, x, pass);
  Tensor attended = attention(block, layer, first, pass);
  const Tensor kept = asked(x, pass);
  const bool two_norms = block.feed_forward_norm.present();
  const nn::Norm& norm = two_norms ? block.feed_forward_norm : block.attention_norm;
  if (pass.config->residual == ResidualKind::kSequential) {
    Tensor h = kept + attended;
    NormedInput second(norm, h, pass);
    return h + feed_forward(block, second, pass);
  }
  NormedInput second(norm, kept, pass);
  const bool same_input = !two_norms && !pass.rows.defined();
  return kept + (attended + feed_forward(block, same_input ? first : second, pass));
}

}  // namespace attune::engine::models
