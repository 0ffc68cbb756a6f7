// What distinguishes one published family from another, as data: the decoder (models/decoder.h) has
// no code per family. families/ maps a checkpoint's config.json onto this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/rotary_config.h"

namespace attune::engine::models {

enum class NormKind { kRms, kLayer };
enum class Activation { kSilu, kGelu, kGeluTanh, kRelu };
enum class PositionKind { kRotary, kLearned, kAlibi };

// How a block's two halves, attention A and feed-forward M, join the residual stream x. Without a
// second norm, norm2 is norm1.
enum class ResidualKind {
  kSequential,  // h = x + A(norm1 x); h + M(norm2 h)
  kParallel,    // x + A(norm1 x) + M(norm2 x)
};

// What reads the hidden states at the end.
enum class HeadKind {
  kLanguageModel,  // [V, D], or the embedding when tied
  kScore,          // [labels, D]: a reward model or another classifier, `score` in checkpoints
  kNone,
};

// Where q, k and v come from.
enum class QkvLayout {
  kSeparate,  // three matrices
  kBlocks,    // one matrix: all of q, then all of k, then all of v (GPT-2)
  kGrouped,   // one matrix: per key/value head its query heads, then k, then v. With as many groups
              // as heads that is GPT-NeoX's interleaving, with one group Falcon-7B's multi-query
};

// Paths of the modules, as Transformers names them; {} is the layer. A parameter's name is its
// module's path with .weight or .bias. Empty: the family has no such module.
struct ModuleNames {
  std::string embedding, positions, final_norm, head;
  std::string attention_norm, feed_forward_norm;
  std::string qkv, q, k, v, output;  // either qkv or the three
  std::string q_norm, k_norm;        // RMS norms over each head (Qwen3)
  std::string gate, up, down;        // gate empty: M = down(f(up x)), else down(f(gate x) * up x)
};

// What can differ from layer to layer.
struct LayerConfig {
  int64_t window = 0;       // sliding window in tokens, 0 = all
  bool rotary = true;       // false: no position information (SmolLM3's NoPE layers)
  double score_scale = 0;   // multiplies q·k; 0 means 1/sqrt(head_width)
};

struct DecoderConfig {
  std::string family;        // model_type, for example "llama"
  std::string architecture;  // for example "LlamaForCausalLM"; written back when saving
  int64_t vocabulary = 0;    // V
  int64_t width = 0;         // D
  int64_t heads = 0;         // H
  int64_t kv_heads = 0;      // Hk, divides H
  int64_t head_width = 0;    // Dh
  int64_t feed_forward = 0;  // F
  int64_t context = 0;       // positions the model was made for; learned positions end there
  std::vector<LayerConfig> layers;

  NormKind norm = NormKind::kRms;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::kSilu;
  ResidualKind residual = ResidualKind::kSequential;
  QkvLayout qkv_layout = QkvLayout::kSeparate;
  PositionKind positions = PositionKind::kRotary;
  RotaryConfig rotary;                // kRotary
  std::vector<float> alibi_slopes;    // kAlibi, [H]; ops/attention.h says how they are used
  double alibi_scale = 1.0;
  bool qkv_bias = false;
  bool output_bias = false;           // the projection after attention
  bool feed_forward_bias = false;
  bool transposed_linear = false;     // weights of blocks stored [in, out] (GPT-2)
  HeadKind head = HeadKind::kLanguageModel;
  int64_t labels = 1;                 // kScore
  bool tied_head = false;             // kLanguageModel: the head is the embedding
  ModuleNames names;

  int64_t layer_count() const { return static_cast<int64_t>(layers.size()); }
};

// Reads a config.json (Transformers' keys; defaults are Transformers' 5.23 where a key is absent).
// Errors: unknown model_type (with the known ones and the nearest), a missing key, a value that no
// implementation here has (rope_type, hidden_act, ...), sizes that do not fit each other.
Result<DecoderConfig> decoder_config(const Json& config);

// Whether the sizes fit each other; decoder_config calls it.
Status validate(const DecoderConfig& config);

}  // namespace attune::engine::models
