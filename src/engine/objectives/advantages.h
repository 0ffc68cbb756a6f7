// How much better than expected each sampled token was: generalised advantage estimation and
// whitening (losses.md §7.1, §7.3). No gradients. Packed [N] values with Spans.
#pragma once

#include "engine/objectives/spans.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// GAE (arXiv 1506.02438), by sequence from its end, with V after the end 0:
//   d_t = r_t + gamma V_{t+1} - V_t,   A_t = d_t + gamma lambda A_{t+1},   returns R_t = A_t + V_t
// Computed in double on the CPU, returned in the rewards' type and device.
struct Advantages {
  Tensor advantages, returns;  // [N]
};
Advantages generalised_advantages(const Tensor& rewards, const Tensor& values, const Spans& spans,
                                  double gamma, double lambda);

// Without values: A_t = sum_{i >= t} gamma^(i-t) r_i (REINFORCE++, arXiv 2501.03262, whose
// advantage is score - beta sum_{i >= t} kl_i with gamma 1).
Tensor discounted_returns(const Tensor& rewards, const Spans& spans, double gamma);

// Count, mean and sum of squared deviations, of one part of a step or of all its parts and ranks.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  void merge(const Moments& other);
  // Divided by count, or by count - 1 (0 where that leaves nothing).
  double variance(bool unbiased) const;
};
Moments moments(const Tensor& values);

struct Whitening {
  // Biased (divided by n): OpenAI's code and the N details. Unbiased (n - 1): torch, TRL.
  bool unbiased = true;
  // Rewards are whitened with their mean kept, advantages with it removed. OpenAI's and TRL's
  // shift_mean is true where the mean is removed; torchtune's means the opposite.
  bool keep_mean = false;
};
// (x - mean) / sqrt(variance + 1e-8) (+ mean). `all` are the moments of the whole step.
Tensor whiten(const Tensor& values, const Moments& all, const Whitening& whitening);

}  // namespace attune::engine::objectives
