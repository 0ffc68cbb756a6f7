// Which losses learn from preference pairs, and their options, under the names of TRL's DPO trainer
// (TRL 1.16). The formulas stand in preference.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::engine::objectives {

enum class PairLoss {
  kSigmoid,      // "sigmoid": DPO; with label smoothing, conservative DPO
  kHinge,        // "hinge"
  kIpo,          // "ipo"
  kExoPair,      // "exo_pair"
  kNcaPair,      // "nca_pair"
  kRobust,       // "robust"
  kBcoPair,      // "bco_pair"
  kSppoHard,     // "sppo_hard"
  kAot,          // "aot": sorts over the whole step
  kAotUnpaired,  // "aot_unpaired": likewise
  kApoZero,      // "apo_zero"
  kApoDown,      // "apo_down"
  kDiscopop,     // "discopop"
  kSft,          // "sft"
  kSigmoidNorm,  // "sigmoid_norm"
};

// f-DPO (arXiv 2309.16240): what a log-ratio u = log(policy / reference) is read as.
enum class Divergence {
  kReverseKl,  // "reverse_kl": u
  kForwardKl,  // "forward_kl": 1 - e^-u
  kJs,         // "js_divergence": log 2 + log sigmoid(u)
  kAlpha,      // "alpha_divergence": (e^((alpha - 1) u) - 1) / (alpha - 1); alpha 1 is reverse KL
};

// Where references disagree (losses.md §16).
enum class IpoLength {
  kTokenMean,  // TRL: log-ratios per token
  kSum,        // the DPO authors' code, OpenRLHF: sums over the completion
};
enum class SigmoidSmoothing {
  kConservative,  // the DPO authors' code, OpenRLHF: label_smoothing makes sigmoid cDPO
  kIgnored,       // TRL 1.x: sigmoid does not look at label_smoothing
};

struct WeightedPairLoss {
  PairLoss loss = PairLoss::kSigmoid;
  double weight = 1;
};

struct PreferenceOptions {
  std::vector<WeightedPairLoss> losses = {{}};
  double beta = 0.1;           // > 0
  double label_smoothing = 0;  // [0, 0.5]: sigmoid, exo_pair, robust, aot, aot_unpaired
  SigmoidSmoothing sigmoid_smoothing = SigmoidSmoothing::kConservative;
  IpoLength ipo_length = IpoLength::kTokenMean;
  Divergence divergence = Divergence::kReverseKl;
  double divergence_alpha = 0.5;  // of kAlpha
  double discopop_tau = 0.05;
  // LD-DPO (arXiv 2409.06411): tokens beyond the shorter side's length count this much. [0, 1]
  std::optional<double> ld_alpha;
};

const char* to_string(PairLoss loss);
const char* to_string(Divergence divergence);

// By TRL's name; the error lists the known ones.
Result<PairLoss> parse_pair_loss(std::string_view name);
Result<Divergence> parse_divergence(std::string_view name);

// `loss_type` and `loss_weights` side by side; no weights: 1 each.
Result<std::vector<WeightedPairLoss>> weighted_pair_losses(const std::vector<std::string>& names,
                                                           const std::vector<double>& weights);

// Whether the options fit together and with what the data brings: `soft_labels` (rows with a
// chosen_probability), `weighted` (use_weighting). An error names the option and what to do.
Status check_preference_options(const PreferenceOptions& options, bool soft_labels = false,
                                bool weighted = false);

// Whether any of the losses sorts over the whole step (aot, aot_unpaired; see sorted_partners.h).
bool needs_sorted_partners(const PreferenceOptions& options);

}  // namespace attune::engine::objectives
