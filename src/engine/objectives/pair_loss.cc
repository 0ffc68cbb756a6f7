#include "engine/objectives/pair_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace attune::engine::objectives {
namespace {

template <typename T, size_t N>
using Names = std::array<std::pair<T, const char*>, N>;

constexpr Names<PairLoss, 15> kPairLosses = {{{PairLoss::kSigmoid, "sigmoid"},
                                              {PairLoss::kHinge, "hinge"},
                                              {PairLoss::kIpo, "ipo"},
                                              {PairLoss::kExoPair, "exo_pair"},
                                              {PairLoss::kNcaPair, "nca_pair"},
                                              {PairLoss::kRobust, "robust"},
                                              {PairLoss::kBcoPair, "bco_pair"},
                                              {PairLoss::kSppoHard, "sppo_hard"},
                                              {PairLoss::kAot, "aot"},
                                              {PairLoss::kAotUnpaired, "aot_unpaired"},
                                              {PairLoss::kApoZero, "apo_zero"},
                                              {PairLoss::kApoDown, "apo_down"},
                                              {PairLoss::kDiscopop, "discopop"},
                                              {PairLoss::kSft, "sft"},
                                              {PairLoss::kSigmoidNorm, "sigmoid_norm"}}};
constexpr Names<Divergence, 4> kDivergences = {{{Divergence::kReverseKl, "reverse_kl"},
                                                {Divergence::kForwardKl, "forward_kl"},
                                                {Divergence::kJs, "js_divergence"},
                                                {Divergence::kAlpha, "alpha_divergence"}}};

template <typename T, size_t N>
const char* name_of(const Names<T, N>& names, T value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "unknown";
}

template <typename T, size_t N>
Result<T> parse(const Names<T, N>& names, std::string_view option, std::string_view text) {
  std::string all;
  for (const auto& [value, name] : names) {
    if (text == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return invalid_input("{}: \"{}\" is not known; choose from {}", option, text, all);
}

bool sorts(PairLoss loss) { return loss == PairLoss::kAot || loss == PairLoss::kAotUnpaired; }

// f-DPO leaves a term beta * log Z(x) in each side, which cancels in the difference alone.
bool takes_divergence(PairLoss loss) {
  switch (loss) {
    case PairLoss::kSigmoid:
    case PairLoss::kSigmoidNorm:
    case PairLoss::kHinge:
    case PairLoss::kIpo:
    case PairLoss::kExoPair:
    case PairLoss::kRobust:
    case PairLoss::kDiscopop:
    case PairLoss::kSft: return true;
    default: return false;
  }
}

Status check_loss(const PreferenceOptions& options, const WeightedPairLoss& weighted_loss,
                  bool soft_labels, bool weighted) {
  const PairLoss loss = weighted_loss.loss;
  if (!std::isfinite(weighted_loss.weight)) {
    return invalid_input("loss_weights: the weight of {} is no finite number", to_string(loss));
  }
  if (options.divergence != Divergence::kReverseKl && !takes_divergence(loss)) {
    return invalid_input("f_divergence_type {} has no meaning for loss_type {}; use reverse_kl",
                         to_string(options.divergence), to_string(loss));
  }
  if (loss == PairLoss::kExoPair && options.label_smoothing <= 0) {
    return invalid_input("loss_type exo_pair needs label_smoothing above 0 (its paper: 1e-3)");
  }
  if (sorts(loss) && (soft_labels || weighted)) {
    return invalid_input("loss_type {} sorts the sides of a step apart, so {} has no meaning",
                         to_string(loss), soft_labels ? "chosen_probability" : "use_weighting");
  }
  return {};
}

}  // namespace

const char* to_string(PairLoss loss) { return name_of(kPairLosses, loss); }
const char* to_string(Divergence divergence) { return name_of(kDivergences, divergence); }

Result<PairLoss> parse_pair_loss(std::string_view name) {
  return parse(kPairLosses, "loss_type", name);
}
Result<Divergence> parse_divergence(std::string_view name) {
  return parse(kDivergences, "f_divergence_type", name);
}

Result<std::vector<WeightedPairLoss>> weighted_pair_losses(const std::vector<std::string>& names,
                                                           const std::vector<double>& weights) {
  if (names.empty()) return invalid_input("loss_type is empty; name at least one");
  if (!weights.empty() && weights.size() != names.size()) {
    return invalid_input("loss_weights has {} numbers for {} loss types; give one for each",
                         weights.size(), names.size());
  }
  const auto nothing = [](double weight) { return weight == 0; };
  if (!weights.empty() && std::all_of(weights.begin(), weights.end(), nothing)) {
    return invalid_input("loss_weights: all are 0, and nothing could be learnt");
  }
  std::vector<WeightedPairLoss> losses;
  for (size_t i = 0; i < names.size(); ++i) {
    losses.push_back({TRY(parse_pair_loss(names[i])), weights.empty() ? 1.0 : weights[i]});
  }
  return losses;
}

Status check_preference_options(const PreferenceOptions& options, bool soft_labels,
                                bool weighted) {
  if (!(options.beta > 0) || !std::isfinite(options.beta)) {
    return invalid_input("beta must be above 0; it is {}", options.beta);
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing < 0.5)) {
    return invalid_input("label_smoothing must be at least 0 and below 0.5, where labels would be "
                         "coin flips that teach nothing; it is {}",
                         options.label_smoothing);
  }
  if (!(options.discopop_tau > 0)) {
    return invalid_input("discopop_tau must be above 0; it is {}", options.discopop_tau);
  }
  if (options.ld_alpha && !(*options.ld_alpha >= 0 && *options.ld_alpha <= 1)) {
    return invalid_input("ld_alpha must lie in [0, 1]; it is {}", *options.ld_alpha);
  }
  if (options.losses.empty()) return invalid_input("loss_type is empty; name at least one");
  for (const WeightedPairLoss& loss : options.losses) {
    TRY(check_loss(options, loss, soft_labels, weighted));
  }
  return {};
}

bool needs_sorted_partners(const PreferenceOptions& options) {
  for (const WeightedPairLoss& loss : options.losses) {
    if (sorts(loss.loss)) return true;
  }
  return false;
}

}  // namespace attune::engine::objectives
