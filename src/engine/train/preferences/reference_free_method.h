// ORPO, CPO, SimPO, AlphaPO and SLiC as a Method: pairs in, one of objectives/reference_free.h's
// losses and the cross-entropy of the chosen answers out. Formulas there; losses.md §11.
//
//   loss = mean over pairs of the preference loss
//        + nll_weight * mean over tokens of the chosen rows' negative log-likelihood
//
// both over the whole optimiser step. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/objectives/reference_free.h"
#include "engine/train/preferences/pair_method.h"

namespace attune::engine::train {

struct ReferenceFreeSetup {
  std::optional<double> odds_weight;      // ORPO's lambda; nothing: `loss`
  objectives::ReferenceFreeOptions loss;  // CPO and its relatives
  double nll_weight = 1;                  // ORPO: 1; CPO: cpo_alpha
  // The prompt's tokens count too (ORPO as TRL has it): those that all answers of a row share.
  bool nll_over_prompt = false;
  feedback::PairOptions pairs;
};

// The options of `recipe`: "orpo", "cpo" or "simpo". Errors name the option.
Result<ReferenceFreeSetup> read_reference_free_setup(const std::string& recipe,
                                                     const Json& config);

class ReferenceFreeMethod : public PairMethod {
 public:
  ReferenceFreeMethod(models::Decoder& decoder, TreeMethodOptions options,
                      ReferenceFreeSetup setup, std::vector<TreeRow> train,
                      std::vector<TreeRow> evaluation);

  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;

 private:
  double nll_tokens(Split split, int64_t row) const;
  // The weighted cross-entropy's share of this pass, and its plain sum for the metrics.
  Tensor nll(Split split, const std::vector<int64_t>& rows, const TreePass& pass,
             const objectives::CompletionPairs& sides, int64_t chunk_rows, PassResult* result);
  Tensor prompt_nll(Split split, const std::vector<int64_t>& rows, const TreePass& pass,
                    double weight, int64_t chunk_rows);
  void add_metrics(const TreePass& pass, const PassPairs& pairs,
                   const objectives::CompletionPairs& sides, PassResult* result);

  ReferenceFreeSetup setup_;
  // Tokens of the cross-entropy: of the whole training step, and of all evaluation rows.
  double step_tokens_ = 0;
  double evaluation_tokens_ = 0;
};

}  // namespace attune::engine::train
