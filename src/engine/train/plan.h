// How a run computes, as opposed to what: decided once, stored with every checkpoint and used again
// on resume, because each entry can change the order of sums and with it the last bits (design §4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder_config.h"
#include "engine/train/training_options.h"

namespace attune::engine::train {

struct Plan {
  std::string dtype = "float32";      // of weights and activations
  std::string cpu;                    // instruction sets it was made on
  int64_t threads = 1;
  int64_t max_tokens_per_batch = 2048;  // of one pass; a longer row runs alone
  bool recompute = false;
  int64_t chunk_rows = 512;           // rows of logits held at a time
  std::string products = "library";   // fp32 matrix products (ops/matrix_product.h): or "own"

  Json to_json() const;
  static Result<Plan> from_json(const Json& json);
};

// What the memory of a run is made of, for the choice and for the log line.
struct MemoryNeed {
  int64_t state_bytes = 0;                  // gradients and optimiser state still to come
  int64_t activation_bytes_per_token = 0;   // kept for the backward pass without recompute
  int64_t longest_row = 0;                  // tokens
  // A GPU is filled by wide passes only: of 8192 tokens, or half, where the activations fit.
  bool prefers_wide_passes = false;
};

// Activations kept per token without recompute: per layer the residual stream, q, k, v, attention
// output and feed-forward intermediates in fp32; and, unless the layers make them again
// (ops/linear.h; `adapters` on them do need them), the norms and the gated activation.
int64_t activation_bytes_per_token(const models::DecoderConfig& config, bool adapters);

// Fills in passes, where they were not asked for, and recompute: no recompute when a pass's
// activations fit into 60 % of what is free after the state.
Plan make_plan(const TrainingOptions& options, const MemoryNeed& need, int64_t free_bytes);

// What keeps this machine from repeating the plan's bits, one clause each; empty when nothing does.
std::vector<std::string> differences(const Plan& stored, int64_t cores, const std::string& cpu);

}  // namespace attune::engine::train
