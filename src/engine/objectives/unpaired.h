// Learning from single judgements (desirable or not) and from pairs across prompts, with a
// reference model, as pure functions of the log-probabilities of completions (losses.md §11).
//
// C is the number of completions. u = policy - reference, sums over a completion's tokens; the
// reference may be undefined (0). Losses are per element; the trainer divides their sum by the
// elements of the whole step. Computed in the inputs' type (fp32 or double).
#pragma once

#include "engine/objectives/preference.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

enum class UnpairedLoss {
  kKto,              // "kto"
  kApoZeroUnpaired,  // "apo_zero_unpaired"
};
const char* to_string(UnpairedLoss loss);
Result<UnpairedLoss> parse_unpaired_loss(std::string_view name);

struct UnpairedOptions {
  UnpairedLoss loss = UnpairedLoss::kKto;
  double beta = 0.1;
  double desirable_weight = 1;    // lambda_D
  double undesirable_weight = 1;  // lambda_U
};

// KTO (arXiv 2402.01306), with z the reference point, a constant of the whole step:
//
//   desirable     lambda_D (1 - s(beta (u - z)))
//   undesirable   lambda_U (1 - s(beta (z - u)))
//
// apo_zero_unpaired (arXiv 2408.06266) is the same with z = 0: 1 - s(beta u) and s(beta u); z is
// then not looked at. policy, reference [C]; desirable [C] bool. Returns [C].
Tensor unpaired_losses(const Tensor& policy, const Tensor& reference, const Tensor& desirable,
                       double z, const UnpairedOptions& options);

// KTO's z: max(0, mean over mismatched pairs of policy - reference), each prompt with another
// prompt's completion. `sum` and `count` run over the whole step and all ranks. 0 without any.
double kto_reference_point(double sum, int64_t count);

// BCO (arXiv 2404.04656): r = beta u; -log s(r - d) for desirable, -log s(-(r - d)) for undesirable
// completions; a pair is one of each. d is RunningReward's mean, a constant. Returns [C].
Tensor bco_losses(const Tensor& policy, const Tensor& reference, const Tensor& desirable,
                  double beta, double d);

// BCO's d: the mean of the rewards beta u of all completions seen in training, both kinds; a step's
// rewards are added before its losses are computed. Part of a checkpoint (losses.md §2.7).
struct RunningReward {
  double mean = 0;
  double count = 0;

  // Adds the rewards of a step: their sum and number, over all passes and ranks.
  void add(double sum, double number);
};

// DOVE (arXiv 2404.00530): two *different* (instruction, response) pairs, so that the log-probs
// count the tokens of the instruction too: -log s(beta u_w - beta u_l). [P].
Tensor dove_losses(const Tensor& policy_chosen, const Tensor& policy_rejected,
                   const Tensor& reference_chosen, const Tensor& reference_rejected, double beta);

// TRL's rewards of completions: beta u, without gradient. [C].
Tensor implicit_rewards(const Tensor& policy, const Tensor& reference, double beta);

}  // namespace attune::engine::objectives
