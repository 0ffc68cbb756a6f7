// Where the markers of Chain of Hindsight come from, in training and when a model that learned from
// them is asked.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "data/hindsight.h"

namespace attune::cli {

// The path of a marker set: a file, or the name of one in examples/hindsight ("dialogue").
Result<std::string> hindsight_templates_path(const std::string& given);

// The set to ask a model with: the one that is named, else the hindsight.json that training left
// beside the adapter or the model.
Result<data::HindsightTemplates> hindsight_templates_of(const Json& config);

// The request's prompt or messages with the positive marker in its place.
OrderedJson with_positive_marker(OrderedJson request, const data::HindsightTemplates& templates);

}  // namespace attune::cli
