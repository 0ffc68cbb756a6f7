// What several people's answers to one question mean together, by a named model. Pure; the models
// are those of feedback/, what they are is in docs/algorithms/aggregation.md.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "feedback/strengths.h"
#include "server/domain/dataset.h"
#include "server/store/judgements.h"

namespace attune::api {

struct AggregateOptions {
  // Of labels, ratings and sets of labels: majority, dawid_skene, mace. Of rankings: bradley_terry,
  // plackett_luce, crowd_bt. "": the first that fits.
  std::string method;
  // Rankings: one strength for each option over all records ("options": the options are systems),
  // or for each record alone ("records": the options are anonymous candidates).
  bool per_record = true;
  feedback::TieModel ties = feedback::TieModel::kHalfWin;
  std::optional<double> prior_precision;  // per record 0.1, else 0, unless given
  uint64_t seed = 0;                      // of ties, and of where MACE starts
};

struct Aggregate {
  std::string method;
  OrderedJson model = nullptr;          // what the model says of the whole: likelihood, strengths
  std::vector<OrderedJson> annotators;  // what it says of each person, in their order, or none
  std::vector<OrderedJson> items;       // of each record: value, shares, tied; or a ranking
};

// Errors (kInvalidInput): a method that does not fit the question, nothing to estimate from,
// strengths that do not exist without a prior.
Result<Aggregate> aggregate(const domain::Question& question, const store::Judgements& judgements,
                            const AggregateOptions& options);

}  // namespace attune::api
