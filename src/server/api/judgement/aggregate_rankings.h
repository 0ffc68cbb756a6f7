// Rankings of several people as one, by the strengths of their options.
#pragma once

#include "server/api/judgement/aggregates.h"

namespace attune::api {

// Of each record (or of all together): {"ranking":[{"value","rank","strength"}]}, the strongest
// first, equal strengths tied. An option that nobody ranked is left out of a record's ranking.
// Plackett-Luce knows no ties: the seed puts tied options in an order, for each answer by itself.
Result<Aggregate> aggregate_rankings(const store::Judgements& judgements,
                                     const AggregateOptions& options);

}  // namespace attune::api
