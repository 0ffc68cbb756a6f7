// Rotary positions as a checkpoint describes them, and the frequencies that follow.
//
// Formulas: arXiv 2104.09864 (theta^(-2i/d)); linear interpolation arXiv 2306.15595; llama3 as the
// Llama 3.1 release describes it; YaRN arXiv 2309.00071 §3. Keys and defaults are
// Transformers' 5.23. `dynamic` and `longrope` scaling depend on the length of the sequence that is
// run, so that a shared prompt would have no well-defined value: they are refused.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

enum class RopeScaling { kNone, kLinear, kLlama3, kYarn };

// Which elements of a head form the rotated pairs: (i, i + d/2), or (2i, 2i + 1) as GPT-J has it.
enum class RotaryPairs { kHalves, kAdjacent };

struct RotaryConfig {
  double theta = 10000.0;
  int64_t width = 0;  // elements of each head that rotate, even; the rest pass through
  RotaryPairs pairs = RotaryPairs::kHalves;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;           // how much the context grows
  double original_context = 0;   // positions the model was trained with before scaling
  double low_frequency = 1.0;    // llama3: low_freq_factor and high_freq_factor
  double high_frequency = 4.0;
  double beta_fast = 32.0;       // YaRN: rotations at which extrapolation ends and
  double beta_slow = 1.0;        //       interpolation begins
  bool truncate = true;          // YaRN: whole dimensions as the bounds of the ramp
  double attention_factor = 1.0; // multiplies cos and sin
};

// theta^(-2i/width) scaled as `config` says, [width / 2] fp32, rounded as Transformers rounds.
Tensor inverse_frequencies(const RotaryConfig& config);

// What a family knows that config.json may leave out.
struct RotaryDefaults {
  double theta = 10000.0;
  double rotated_share = 1.0;  // partial_rotary_factor
  int64_t head_width = 0;
  int64_t context = 0;  // max_position_embeddings
};

// Reads `rope_parameters` (Transformers 5), or `rope_theta` and `rope_scaling` (before). Errors
// name the key: an unknown rope_type, a missing factor, an odd or too large rotated width.
Result<RotaryConfig> read_rotary(const Json& config, const RotaryDefaults& defaults);

}  // namespace attune::engine::models
