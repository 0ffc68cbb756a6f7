// What the endpoints about people's judgement share: the question that a request names, the options
// of its bootstrap, and numbers that may be missing as JSON.
#pragma once

#include <optional>
#include <string>

#include "feedback/bootstrap.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoint.h"
#include "server/api/schema_check.h"
#include "server/store/judgements.h"

namespace attune::api {

// The question of this name, or, for "", the first of the data set that has answers with more to
// them than being equal (a label, a rating, labels, a ranking). 422 says which questions there are.
Answer<domain::Question> question_for(const domain::Schema& schema, const std::string& name);

// {"id","name","type"}
OrderedJson question_name_json(const domain::Question& question);

// resamples (200; 0: no interval), confidence (0.95) and seed (0) of a query.
feedback::BootstrapOptions read_bootstrap(SchemaReader& query);

// Without a value: null. A number that is none: null too.
OrderedJson number_json(const std::optional<double>& number);
// {"value","low","high","standard_error","units","resamples"}, or null. Of fewer than two resamples
// low, high and standard_error are null.
OrderedJson interval_json(const std::optional<feedback::Interval>& interval);

}  // namespace attune::api
