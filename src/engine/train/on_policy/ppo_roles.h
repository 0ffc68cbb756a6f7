// The networks of a PPO run: who answers (policy), what it must not leave (reference), and who
// expects rewards (value). Each is a trunk with an adapter stack; those that share a trunk share a
// packed pass: it holds the trees once for each different stack (design §4, "One trunk, several
// roles").
//
//   separate   value is a trunk of its own, with a score head
//   adapter    value is a LoRA role and a score head on the policy's trunk
//   head       value is a score head on the policy's states
//
// Not thread-safe. LibTorch's exceptions pass through.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/models/token_tree.h"
#include "engine/optim/optimizer.h"
#include "engine/tensor/tensor.h"
#include "engine/train/on_policy/rollouts.h"

namespace attune::engine::train {

struct Role {
  models::Decoder* decoder = nullptr;  // outlives its use
  std::vector<std::string> stack;

  bool operator==(const Role&) const = default;
};

struct PpoRoles {
  Role policy;
  Role reference;
  Role value;
  Tensor value_head;                               // [1, D]
  std::vector<optim::NamedTensor> value_parameters;  // what trains of value, "value." before names
  std::vector<std::unique_ptr<models::Decoder>> owned;  // trunks beside the policy's

  // How often a training pass holds each tree.
  int64_t copies() const { return policy.decoder == value.decoder && !(policy == value) ? 2 : 1; }
};

// Hidden states [N, D] of each role for the trees of `pass`, where N are the tokens of one copy:
// rows of `pass` index each of them. `trees` are what was added to it.
std::vector<Tensor> hidden_of(const std::vector<Role>& roles,
                              const std::vector<const models::TokenTree*>& trees,
                              const models::TreeBatch& pass,
                              const models::TreeBatchOptions& options,
                              const models::ForwardOptions& forward);

// What the roles said of a step's rollouts before anything was learnt; no gradient.
struct Measured {
  SampleValues log_probs;  // policy, by the training path; empty when not asked for
  SampleValues reference;  // log-probs
  SampleValues values;     // of the state before each token, and of the one after the last
};
struct MeasureOptions {
  bool policy = true;     // log-probs of the policy too
  bool values = true;
  double temperature = 1.0;
  int64_t max_tokens_per_batch = 2048;  // of one pass, all copies
  int64_t chunk_rows = 512;
};
Measured measure(const PpoRoles& roles, const std::vector<Rollout>& rollouts,
                 const MeasureOptions& options);

}  // namespace attune::engine::train
