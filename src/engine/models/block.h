// One layer of a decoder and what a pass through it needs. Internal to models/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/models/attention_context.h"
#include "engine/models/decoder.h"
#include "engine/models/decoder_config.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "engine/ops/rotary.h"

namespace attune::engine::models {

// The modules of one layer; which of them exist follows from DecoderConfig.
struct Block {
  nn::Norm attention_norm, feed_forward_norm;
  nn::Norm q_norm, k_norm;
  std::optional<nn::Linear> qkv, q, k, v;
  nn::Linear output;
  std::optional<nn::Linear> gate;
  nn::Linear up, down;
};

// What every layer of one pass shares. A value: recomputed layers keep it until the backward pass.
struct BlockPass {
  const DecoderConfig* config = nullptr;
  const nn::Adapters* adapters = nullptr;
  ForwardOptions options;
  Tensor positions;          // [N]
  ops::RotaryTable table;    // undefined tensors without rotary positions
  std::shared_ptr<AttentionContext> attention;
  Tensor rows = {};          // [R] of the rows that are asked for; undefined: all
};

// x [N, D] -> [N, D], or [R, D].
Tensor forward_block(const Block& block, int64_t layer, const Tensor& x, const BlockPass& pass);

}  // namespace attune::engine::models
