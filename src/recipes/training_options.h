// Groups of options that several trainers share.
#pragma once

#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

std::vector<Option> data_options();       // which rows
std::vector<Option> model_options();      // which model, adapters, precision
std::vector<Option> optimizer_options();  // steps, learning rate, schedule, clipping
std::vector<Option> run_options();        // output, logging, evaluation, checkpoints, seeds
std::vector<Option> published_options();  // what TRL recipes contain and Attune does not need

}  // namespace attune::recipes
