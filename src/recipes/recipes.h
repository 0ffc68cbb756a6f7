// The table of every trainer, by name.
#pragma once

#include <string_view>
#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

// `attune train sft`: supervised fine-tuning.
const Recipe& sft();
// `attune train dpo`: direct preference optimisation and its family.
const Recipe& dpo();
// `attune train hindsight`: Chain of Hindsight.
const Recipe& hindsight();
// `attune train orpo`, `cpo` and `simpo`: preferences without a reference model.
const Recipe& orpo();
const Recipe& cpo();
const Recipe& simpo();
// `attune train kto`, `bco` and `dove`: single judgements, and pairs across prompts.
const Recipe& kto();
const Recipe& bco();
const Recipe& dove();

// `attune train reward`: reward models.
const Recipe& reward();
// On sampled answers that a reward judges, with a value model: `attune train ppo`.
const Recipe& ppo();
// The same without a value model: `attune train rloo`, `grpo`, `reinforce_plus_plus`.
const Recipe& rloo();
const Recipe& grpo();
const Recipe& reinforce_plus_plus();
// `attune train online_dpo`: pairs of sampled answers; `spin`: self-play.
const Recipe& online_dpo();
const Recipe& spin();

// All trainers, in the order that help shows; and one by its name (nullptr when there is none).
const std::vector<const Recipe*>& all();
const Recipe* find(std::string_view name);

}  // namespace attune::recipes
