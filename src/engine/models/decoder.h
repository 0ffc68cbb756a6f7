// One decoder for every published family: what differs between Llama, Falcon or GPT-2 is data
// (models/decoder_config.h), filled in by families/. Parameters carry Transformers' names.
//
// A Decoder is used by one thread at a time. Exceptions of LibTorch pass through; the engine's
// border turns them into errors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/models/attention_context.h"
#include "engine/models/decoder_config.h"
#include "engine/models/packed_batch.h"
#include "engine/nn/adapters.h"
#include "engine/nn/parameters.h"
#include "engine/tensor/tensor.h"
#include "weights/model_files.h"

namespace attune::engine::models {

// One token of a sequence.
struct TokenRow {
  int64_t token = 0;
  int64_t position = 0;
};

// First values of a score head [labels, D]: normal with mean 0 and standard deviation 1/sqrt(D + 1)
// (losses.md §6.2; arXiv 2403.17031), or zero. The same seed and width give the same values.
struct NewScoreHead {
  uint64_t seed = 0;
  bool zero = false;
};

struct LoadOptions {
  at::ScalarType dtype = at::kFloat;
  // Keep the model's linear layers as frozen blocks: "" (no), "q8_0", "q4_0", "q4_1", or "native"
  // (the blocks a GGUF file holds; other tensors become q8_0). The embedding and head follow.
  // Norms, biases and matrices whose rows are no multiple of 32 stay dense.
  std::string quantize = {};
  bool trainable = false;  // base parameters require grad
  at::Device device = at::kCPU;  // of all parameters; blocks (quantize) need the CPU
  // Load as a classifier of one label, a reward or value model (score_head.h): a language model's
  // head gives way to a new score head, a reward model keeps the one it has.
  std::optional<NewScoreHead> score_head = {};
};

struct ForwardOptions {
  // The adapter stack of every row; nn/adapters.h. Default: the base model alone.
  nn::AdapterSelection adapters;
  bool recompute = false;  // keep only block inputs for the backward pass
  bool training = false;   // dropout of adapters on
  uint64_t dropout_seed = 0;  // of this pass; nn/adapters.h says what follows from it
  // Packed rows whose hidden states are asked for, in any order, some more than once; empty: all.
  // The last layer is spared what only the others need, and theirs are 0. With adapters by rows,
  // and in models held in blocks, all are computed.
  std::vector<int64_t> rows = {};
};

class Decoder {
 public:
  // Reads config and parameters. Errors: an unknown architecture or value of config.json; a tensor
  // that is missing, left over, or of another shape (a vocabulary that does not fit the embedding).
  static Result<std::unique_ptr<Decoder>> load(const weights::ModelFiles& files,
                                               const LoadOptions& options);
  // The same with a config of the caller's.
  static Result<std::unique_ptr<Decoder>> load(const weights::ModelFiles& files,
                                               const DecoderConfig& config,
                                               const LoadOptions& options);
  // Random weights (normal, standard deviation `init_std`), for tests and benchmarks.
  static std::unique_ptr<Decoder> random(const DecoderConfig& config, uint64_t seed,
                                         double init_std, const LoadOptions& options);
  ~Decoder();

  const DecoderConfig& config() const;
  at::Device device() const;

  // Hidden states after the final norm, [N, D]. tokens and positions [N] int64, on any device. With
  // recompute, `attention` must live until the backward pass is done (a PackedBatch need not).
  Tensor forward(const Tensor& tokens, const Tensor& positions, AttentionContext& attention,
                 const ForwardOptions& options = {});
  Tensor forward(const PackedBatch& batch, const ForwardOptions& options = {});

  // The head's weight [V, D] (the embedding when tied) and bias (undefined when none), for
  // ops::linear_log_probs; a quantised head gives its de-quantised copy. Of a reward model: its
  // score head [labels, D].
  Tensor head_weight();
  Tensor head_bias();
  // Logits [R, V] fp32 of hidden rows [R, D], for sampling; uses quantised kernels when the head
  // is.
  Tensor logits(const Tensor& hidden);

  // Logits [rows, V] fp32 after rows that extend cached sequences, one token a row, all with one
  // adapter stack: what forward and logits give, in one pass of a team of threads. Where decodes():
  // few rows of a trunk and stack that TeamPass covers (models/team_pass.h). `hidden`, unless null,
  // becomes the hidden states [rows, D] fp32. No gradient.
  bool decodes(int64_t rows, const std::vector<std::string>& stack = {}) const;
  Tensor decode(const std::vector<TokenRow>& rows, RowAttention& attention,
                const std::vector<std::string>& stack = {}, Tensor* hidden = nullptr);

  // Whether matrices are held in blocks: they are then no parameters.
  bool is_quantized() const;

  // All base parameters by Transformers' name, in checkpoint order; and the adapters on this trunk.
  nn::Parameters& parameters();
  nn::Adapters& adapters();

 private:
  struct Impl;
  explicit Decoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine::models
