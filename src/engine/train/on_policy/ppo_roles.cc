#include "engine/train/on_policy/ppo_roles.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "engine/models/score_head.h"
#include "engine/train/packing.h"

namespace attune::engine::train {
namespace {

std::vector<std::vector<int64_t>> cut(const std::vector<Rollout>& rollouts, int64_t capacity) {
  std::vector<int64_t> lengths;
  for (const Rollout& rollout : rollouts) lengths.push_back(rollout.tree.tokens());
  auto passes = best_fit_decreasing(lengths, std::max<int64_t>(capacity, 1));
  for (auto& pass : passes) std::sort(pass.begin(), pass.end());
  return passes;
}

// Different stacks of one trunk, in the order of first use.
std::vector<std::vector<std::string>> stacks_on(const models::Decoder* decoder,
                                                const std::vector<Role>& roles) {
  std::vector<std::vector<std::string>> stacks;
  for (const Role& role : roles) {
    if (role.decoder != decoder) continue;
    if (std::find(stacks.begin(), stacks.end(), role.stack) == stacks.end()) {
      stacks.push_back(role.stack);
    }
  }
  return stacks;
}

// One pass of a trunk over the trees, once for each stack: [stacks] tensors [N, D].
std::vector<Tensor> run_stacks(models::Decoder& decoder,
                               const std::vector<std::vector<std::string>>& stacks,
                               const std::vector<const models::TokenTree*>& trees,
                               const models::TreeBatch& pass,
                               const models::TreeBatchOptions& options,
                               models::ForwardOptions forward) {
  if (stacks.size() == 1) {
    forward.adapters = {.stack = stacks[0], .rows = {}};
    forward.rows = pass.asked_rows();
    return {decoder.forward(pass.batch, forward)};
  }
  models::TreeBatch all(options);
  const int64_t tokens = pass.batch.layout.tokens();
  forward.adapters = {};
  for (size_t i = 0; i < stacks.size(); ++i) {
    for (const models::TokenTree* tree : trees) all.add(*tree);
    const int64_t begin = static_cast<int64_t>(i) * tokens;
    forward.adapters.rows.push_back({begin, begin + tokens, stacks[i]});
  }
  const Tensor hidden = decoder.forward(all.batch, forward);
  std::vector<Tensor> parts;
  for (size_t i = 0; i < stacks.size(); ++i) {
    parts.push_back(hidden.narrow(0, static_cast<int64_t>(i) * tokens, tokens));
  }
  return parts;
}

void append(const Tensor& per_request, const models::TreeBatch& pass,
            const std::vector<size_t>& samples, SampleValues* values) {
  const Tensor host = per_request.contiguous();
  const float* value = host.const_data_ptr<float>();
  for (size_t r = 0; r < pass.owners.size(); ++r) {
    (*values)[samples[static_cast<size_t>(pass.owners[r])]].push_back(value[r]);
  }
}

// The state after a sample's last token has a value too.
void append_last(const Tensor& per_branch, const std::vector<size_t>& samples,
                 SampleValues* values) {
  const Tensor host = per_branch.contiguous();
  const float* value = host.const_data_ptr<float>();
  for (size_t c = 0; c < samples.size(); ++c) (*values)[samples[c]].push_back(value[c]);
}

}  // namespace

std::vector<Tensor> hidden_of(const std::vector<Role>& roles,
                              const std::vector<const models::TokenTree*>& trees,
                              const models::TreeBatch& pass,
                              const models::TreeBatchOptions& options,
                              const models::ForwardOptions& forward) {
  std::vector<Tensor> hidden(roles.size());
  for (size_t first = 0; first < roles.size(); ++first) {
    if (hidden[first].defined()) continue;
    models::Decoder* decoder = roles[first].decoder;
    const auto stacks = stacks_on(decoder, roles);
    const auto parts = run_stacks(*decoder, stacks, trees, pass, options, forward);
    for (size_t i = first; i < roles.size(); ++i) {
      if (roles[i].decoder != decoder) continue;
      const auto found = std::find(stacks.begin(), stacks.end(), roles[i].stack);
      hidden[i] = parts[static_cast<size_t>(found - stacks.begin())];
    }
  }
  return hidden;
}

Measured measure(const PpoRoles& roles, const std::vector<Rollout>& rollouts,
                 const MeasureOptions& options) {
  c10::NoGradGuard no_grad;
  std::vector<size_t> first;  // sample of a rollout's first branch
  size_t count = 0;
  for (const Rollout& rollout : rollouts) {
    first.push_back(count);
    count += rollout.samples.size();
  }
  Measured measured;
  measured.reference.resize(count);
  if (options.policy) measured.log_probs.resize(count);
  if (options.values) measured.values.resize(count);
  std::vector<Role> asked = {roles.reference};
  if (options.policy) asked.push_back(roles.policy);
  if (options.values) asked.push_back(roles.value);
  const auto copies = static_cast<int64_t>(stacks_on(roles.policy.decoder, asked).size());
  const models::TreeBatchOptions shape{.scores = options.values};
  const ops::LogProbOptions wanted{.temperature = options.temperature,
                                   .chunk_rows = options.chunk_rows};
  for (const auto& rows : cut(rollouts, options.max_tokens_per_batch /
                                            std::max<int64_t>(copies, 1))) {
    models::TreeBatch pass(shape);
    std::vector<const models::TokenTree*> trees;
    std::vector<size_t> samples;  // of each branch
    for (int64_t row : rows) {
      const auto i = static_cast<size_t>(row);
      trees.push_back(&rollouts[i].tree);
      pass.add(rollouts[i].tree);
      for (size_t k = 0; k < rollouts[i].samples.size(); ++k) samples.push_back(first[i] + k);
    }
    const std::vector<Tensor> hidden = hidden_of(asked, trees, pass, shape, {});
    const auto log_probs = [&](const Role& role, const Tensor& states) {
      return models::branch_log_probs_of(*role.decoder, pass, states, wanted).tokens;
    };
    append(log_probs(roles.reference, hidden[0]), pass, samples, &measured.reference);
    if (options.policy) {
      append(log_probs(roles.policy, hidden[1]), pass, samples, &measured.log_probs);
    }
    if (!options.values) continue;
    append(models::scores_at(hidden.back(), pass.rows, roles.value_head), pass, samples,
           &measured.values);
    append_last(models::scores_at(hidden.back(), pass.last_rows, roles.value_head), samples,
                &measured.values);
  }
  return measured;
}

}  // namespace attune::engine::train
