// Groups of options that several trainers share.
#pragma once

#include <string>
#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

std::vector<Option> data_options();       // which rows
std::vector<Option> model_options();      // which model, adapters, precision
std::vector<Option> optimizer_options();  // steps, learning rate, schedule, clipping
std::vector<Option> run_options();        // output, logging, evaluation, checkpoints, seeds
std::vector<Option> published_options();  // what TRL recipes contain and Attune does not need

// A trainer's whole table: the groups above around its own options.
Recipe training_recipe(std::string name, std::string text, std::vector<Option> own);

// The options with another default for the one of this name (CHECK: it is there).
void set_default(Recipe& recipe, std::string_view option, Json fallback);

// Options that belong to every method with a reference model.
std::vector<Option> reference_options();
// Options that belong to every method that learns from pairs or rankings.
std::vector<Option> pair_options();
// Options that belong to every method that learns from comparisons or judgements.
std::vector<Option> comparison_options();
// What published recipes of preference methods contain besides.
std::vector<Option> published_preference_options();

}  // namespace attune::recipes
