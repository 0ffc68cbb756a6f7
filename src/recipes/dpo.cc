// attune train dpo: the names and defaults of DPOConfig (TRL 1.16).
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> loss_options() {
  return with_source(
      "TRL",
      {list("loss_type", Json::array({"sigmoid"}),
            "sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, sppo_hard, aot, "
            "aot_unpaired, apo_zero, apo_down, discopop, sft, sigmoid_norm, several of them, or "
            "plackett_luce"),
       list("loss_weights", nullptr, "a weight for each loss type; default 1"),
       real("beta", 0.1, 0, {}, "how strongly the policy is held to the reference"),
       real("label_smoothing", 0.0, 0, 0.5,
            "share of labels taken to be flipped: sigmoid, robust, exo_pair, aot"),
       choice("f_divergence_type", "reverse_kl",
              {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"},
              "divergence between policy and reference (arXiv 2309.16240)"),
       real("f_alpha_divergence_coef", 0.5, {}, {}, "alpha of alpha_divergence"),
       real("ld_alpha", nullptr, 0, 1,
            "weight of tokens beyond the shorter answer's length (arXiv 2409.06411)"),
       boolean("use_weighting", false, "weigh pairs by the policy's probability (WPO, 2406.11827)"),
       real("discopop_tau", 0.05, 0, {}, "temperature of discopop"),
       boolean("reference_free", false, "the reference counts as uniform"),
       choice("truncation_mode", "keep_start", {"keep_start"}, "which end of a long row stays"),
       boolean("sync_ref_model", false,
               "mix the policy into the reference now and then (TR-DPO, arXiv 2404.09656)"),
       real("ref_model_mixup_alpha", 0.6, 0, 1, "the policy's share in that mix"),
       integer("ref_model_sync_steps", 512, 1, "optimiser steps between two mixes")});
}

Recipe make_dpo() {
  std::vector<Option> own = loss_options();
  for (Option option :
       {choice("sigmoid_smoothing", "applied", {"applied", "ignored"},
               "label_smoothing with sigmoid: applied (cDPO: the DPO authors) or ignored (TRL)"),
        choice("ipo_log_probs", "mean", {"mean", "sum"},
               "ipo on log-probs per token (TRL) or summed (the DPO authors)")}) {
    own.push_back(std::move(option));
  }
  for (const auto& group : {reference_options(), pair_options(), comparison_options(),
                            published_preference_options()}) {
    own.insert(own.end(), group.begin(), group.end());
  }
  for (Option& option : with_source(
           "TRL", with_effect(Effect::kRefused,
                              {real("rpo_alpha", nullptr, 0, {},
                                    "removed from TRL: set loss_type: sigmoid, sft and "
                                    "loss_weights: 1, rpo_alpha")}))) {
    own.push_back(std::move(option));
  }
  Recipe recipe = training_recipe(
      "dpo", "Direct preference optimisation and its family, on pairs or rankings.",
      std::move(own));
  set_default(recipe, "learning_rate", 1e-6);
  return recipe;
}

}  // namespace

const Recipe& dpo() {
  static const Recipe recipe = make_dpo();
  return recipe;
}

}  // namespace attune::recipes
