// The table of an on-policy trainer.
#pragma once

#include <string>
#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

// The shared groups and those of on_policy_options.h around a trainer's own options, without
// max_length: rows are prompts.
Recipe on_policy_recipe(std::string name, std::string text, std::vector<Option> own);

}  // namespace attune::recipes
