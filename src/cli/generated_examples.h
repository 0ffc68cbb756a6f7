// What `attune generate --examples` writes: rows to train on, or to put before people.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace attune::cli {

// How "source" names a model: the last two parts of its path or of its name on a hub.
std::string generator_name(const std::string& model_name_or_path);

// One row of data/example.h for a prompt's answers: {"id", "prompt", "completion"}, or for several
// {"id", "prompt", "completions", "ranks"} with a null for each rank, since nobody has ranked them
// yet. `row` is what was read: its "source" stays, with the model as "generated_by". `request` is
// what was asked: turns ("messages"), whose answers are turns too, or a text ("prompt").
OrderedJson generated_example(const OrderedJson& row, const OrderedJson& request,
                              const std::vector<std::string>& answers,
                              const std::string& generated_by);

}  // namespace attune::cli
