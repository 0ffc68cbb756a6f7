// attune train orpo, cpo and simpo: the names and defaults of ORPOConfig and CPOConfig (TRL 1.16).
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> join(std::vector<std::vector<Option>> groups) {
  std::vector<Option> all;
  for (std::vector<Option>& group : groups) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

std::vector<Option> shared_options() {
  return with_source(
      "TRL", {boolean("disable_dropout", true, "no dropout of adapters while training"),
              choice("truncation_mode", "keep_start", {"keep_start"},
                     "which end of a long row stays")});
}

Recipe make_orpo() {
  const std::vector<Option> loss = with_source(
      "TRL", {real("beta", 0.1, 0, {}, "weight of the odds ratio (lambda in the paper)")});
  Recipe recipe = training_recipe(
      "orpo", "Odds-ratio preference optimisation: one stage, no reference (arXiv 2403.07691).",
      join({loss,
            {choice("nll_tokens", "all", {"all", "completion"},
                    "cross-entropy over prompt and chosen answer (TRL), or the answer alone")},
            shared_options(),
            pair_options(),
            comparison_options(),
            published_preference_options()}));
  set_default(recipe, "learning_rate", 1e-6);
  return recipe;
}

// CPO's table; `simpo` differs by two defaults.
Recipe make_cpo(const std::string& name, const std::string& text) {
  const std::vector<Option> loss = with_source(
      "TRL",
      {choice("loss_type", "sigmoid", {"sigmoid", "hinge", "ipo", "simpo", "alphapo", "slic"},
              "loss of the two answers' log-probs; alphapo: simpo with cpo_alpha 0 (slic: Attune)"),
       real("beta", 0.1, 0, {}, "scale of the reward"),
       real("label_smoothing", 0.0, 0, 0.5, "share of labels taken to be flipped"),
       real("cpo_alpha", 1.0, 0, {}, "weight of the chosen answer's cross-entropy"),
       real("simpo_gamma", 0.5, {}, {}, "margin that simpo asks of the rewards"),
       real("alpha", 0.0, {}, {}, "AlphaPO's reward (1 - p^-alpha) / alpha; 0: log p")});
  Recipe recipe = training_recipe(
      name, text,
      join({loss, {real("slic_delta", 1.0, 0, {}, "margin of slic")}, shared_options(),
            pair_options(), comparison_options(), published_preference_options()}));
  set_default(recipe, "learning_rate", 1e-6);
  return recipe;
}

Recipe make_simpo() {
  Recipe recipe = make_cpo(
      "simpo", "Simple preference optimisation: length-normalised, no reference "
               "(arXiv 2405.14734); with alpha, AlphaPO.");
  set_default(recipe, "loss_type", "simpo");
  set_default(recipe, "cpo_alpha", 0.0);
  set_default(recipe, "beta", 2.0);
  return recipe;
}

}  // namespace

const Recipe& orpo() {
  static const Recipe recipe = make_orpo();
  return recipe;
}

const Recipe& cpo() {
  static const Recipe recipe = make_cpo(
      "cpo", "Contrastive preference optimisation, without a reference (arXiv 2401.08417).");
  return recipe;
}

const Recipe& simpo() {
  static const Recipe recipe = make_simpo();
  return recipe;
}

}  // namespace attune::recipes
