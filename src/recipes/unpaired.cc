// attune train kto, bco and dove. KTO: the names and defaults of KTOConfig (TRL 1.16); BCO: those
// of earlier versions of TRL, which had it; DOVE is no trainer of TRL's.
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

Option beta() {
  Option option = real("beta", 0.1, 0, {}, "how strongly the policy is held to the reference");
  option.source = "TRL";
  return option;
}

std::vector<Option> moving_reference() {
  return with_source(
      "TRL", with_effect(Effect::kRefused,
                         {boolean("sync_ref_model", false, "the reference of this method stays"),
                          real("ref_model_mixup_alpha", 0.6, 0, 1, "the reference stays"),
                          integer("ref_model_sync_steps", 512, 1, "the reference stays")}));
}

Recipe make_kto() {
  const std::vector<Option> loss = with_source(
      "TRL",
      {choice("loss_type", "kto", {"kto", "apo_zero_unpaired"},
              "with a reference point, or without (arXiv 2408.06266)"),
       real("desirable_weight", 1.0, 0, {}, "weight of desirable completions"),
       real("undesirable_weight", 1.0, 0, {}, "weight of undesirable completions")});
  Recipe recipe = training_recipe(
      "kto", "Learning from thumbs up and down, with a reference model (arXiv 2402.01306).",
      join({{beta()},
            loss,
            {choice("kl_pairs", "rotation", {"rotation", "blocks"},
                    "mismatched pairs: a seeded rotation of the step, or TRL's neighbours")},
            reference_options(),
            moving_reference(),
            comparison_options(),
            published_preference_options()}));
  set_default(recipe, "learning_rate", 1e-6);
  return recipe;
}

Recipe make_bco() {
  const std::vector<Option> refused = with_source(
      "TRL",
      with_effect(Effect::kRefused,
                  {integer("prompt_sample_size", 1024, 1, "prompts are not weighted by density"),
                   real("min_density_ratio", 0.5, 0, {}, "prompts are not weighted by density"),
                   real("max_density_ratio", 10.0, 0, {}, "prompts are not weighted by density")}));
  Recipe recipe = training_recipe(
      "bco", "Binary classifier optimisation on thumbs up and down (arXiv 2404.04656).",
      join({{beta()}, reference_options(), moving_reference(), refused,
            comparison_options(), published_preference_options()}));
  set_default(recipe, "learning_rate", 5e-7);
  return recipe;
}

Recipe make_dove() {
  Recipe recipe = training_recipe(
      "dove", "Preferences between answers to different prompts, jointly (arXiv 2404.00530).",
      join({{beta()},
            reference_options(),
            moving_reference(),
            comparison_options(),
            published_preference_options()}));
  set_default(recipe, "learning_rate", 1e-6);
  return recipe;
}

}  // namespace

const Recipe& kto() {
  static const Recipe recipe = make_kto();
  return recipe;
}

const Recipe& bco() {
  static const Recipe recipe = make_bco();
  return recipe;
}

const Recipe& dove() {
  static const Recipe recipe = make_dove();
  return recipe;
}

}  // namespace attune::recipes
