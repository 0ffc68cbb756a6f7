// online_dpo: names and defaults of TRL 1.16's OnlineDPOConfig; spin: of the paper's code.
#include "recipes/on_policy_options.h"
#include "recipes/on_policy_recipe.h"
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

Recipe make_online_dpo() {
  std::vector<Option> own = with_source(
      "TRL",
      {list("beta", Json::array({"0.1"}), "weight of the reference; several: one for each epoch"),
       choice("loss_type", "sigmoid", {"sigmoid", "ipo"}, "DPO's loss, or IPO's on sums"),
       also(integer("max_new_tokens", 64, 1, "longest answer in tokens"),
            {"max_completion_length"}),
       real("missing_eos_penalty", nullptr, 0, {},
            "taken from the reward of an answer that did not end"),
       string("ref_model_name_or_path", nullptr, "another model as reference")});
  own.push_back(kl_limit_option());
  Recipe recipe = on_policy_recipe(
      "online_dpo",
      "Two sampled answers a prompt, judged: DPO on the better one (arXiv 2402.04792).",
      std::move(own));
  for (Option& option : with_source(
           "TRL", {integer("max_length", nullptr, 1,
                           "prompt and longest answer together; prompts that leave no room are "
                           "left out, by name (TRL cuts them); default the model's context")})) {
    recipe.options.push_back(std::move(option));
  }
  set_default(recipe, "learning_rate", 5e-7);
  set_default(recipe, "temperature", 0.9);
  set_default(recipe, "metric_for_best_model", "eval_objective/rlhf_reward");
  return recipe;
}

Recipe make_spin() {
  std::vector<Option> own = with_source(
      "Attune",
      {integer("iterates", 3, 1, "how often the policy becomes its own opponent"),
       real("beta", 0.1, 0, {}, "weight of the reference, which is the previous iterate"),
       integer("max_new_tokens", 256, 1, "longest answer of the previous iterate in tokens")});
  for (const auto& group : {sampling_options_of_training(), published_rollout_options()}) {
    own.insert(own.end(), group.begin(), group.end());
  }
  std::erase_if(own, [](const Option& option) { return option.name == "max_prompt_length"; });
  Recipe recipe = training_recipe(
      "spin", "Self-play: rows' completions against the previous iterate's (arXiv 2401.01335).",
      std::move(own));
  set_default(recipe, "learning_rate", 5e-7);
  return recipe;
}

}  // namespace

const Recipe& online_dpo() {
  static const Recipe recipe = make_online_dpo();
  return recipe;
}

const Recipe& spin() {
  static const Recipe recipe = make_spin();
  return recipe;
}

}  // namespace attune::recipes
