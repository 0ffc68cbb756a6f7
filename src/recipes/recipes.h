// The table of every trainer, by name.
#pragma once

#include <string_view>
#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

// `attune train sft`: supervised fine-tuning.
const Recipe& sft();

// All trainers, in the order that help shows; and one by its name (nullptr when there is none).
const std::vector<const Recipe*>& all();
const Recipe* find(std::string_view name);

}  // namespace attune::recipes
