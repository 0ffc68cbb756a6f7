// How far people agree on one question, as JSON. Pure; what each figure means is in
// docs/server/judgement.md.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "feedback/bootstrap.h"
#include "feedback/krippendorff.h"
#include "feedback/ranking_agreement.h"
#include "server/domain/dataset.h"
#include "server/store/judgements.h"

namespace attune::api {

struct AgreementOptions {
  feedback::Metric rating_metric = feedback::Metric::kOrdinal;
  feedback::RankingExpectation expectation = feedback::RankingExpectation::kExchangeable;
  feedback::BootstrapOptions bootstrap;  // resamples 0: no intervals
};

// Pairs of people beyond this many are left out, those with the fewest common records first.
inline constexpr size_t kPairsOfPeopleMax = 200;

// {"question","annotators","records","answers","alpha","fleiss_kappa","pairs_of_annotators",
//  "pairs_left_out","rankings"}. Krippendorff's alpha with the distance of the question's type; of
// labels and ratings Fleiss' kappa and Cohen's for each pair of people; of rankings Kendall's
// tau-b for each pair of people, the mean W over records, and how often two people who chose a
// side chose the same.
Result<OrderedJson> agreement_json(const domain::Question& question,
                                   const store::Judgements& judgements,
                                   const AgreementOptions& options);

}  // namespace attune::api
