#include "recipes/on_policy_recipe.h"

#include "recipes/on_policy_options.h"
#include "recipes/training_options.h"

namespace attune::recipes {

Recipe on_policy_recipe(std::string name, std::string text, std::vector<Option> own) {
  for (const auto& group : {reward_options(), sampling_options_of_training(),
                            published_rollout_options()}) {
    own.insert(own.end(), group.begin(), group.end());
  }
  Recipe recipe = training_recipe(std::move(name), std::move(text), std::move(own));
  std::erase_if(recipe.options, [](const Option& option) { return option.name == "max_length"; });
  return recipe;
}

}  // namespace attune::recipes
