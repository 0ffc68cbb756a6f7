// DPO and its family as a Method: pairs in, one of objectives/preference.h's losses out, or
// Plackett-Luce DPO over whole rankings. Formulas: objectives/preference.h, losses.md §9 and §10.
//
// The reference's log-probs come with set_reference(), asked once before the first step, or, when
// the reference moves (TR-DPO), from a second decoder that every pass asks.
//
// Losses that sort over the step (aot, aot_unpaired) first run the step without gradients to fix
// the order; passes then add up to the uncut step. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/objectives/preference.h"
#include "engine/train/preferences/pair_method.h"
#include "engine/train/preferences/reference.h"

namespace attune::engine::train {

struct PreferenceSetup {
  objectives::PreferenceOptions loss;
  // loss_type plackett_luce: a row's whole order at once; a unit is then a row.
  bool plackett_luce = false;
  bool weighting = false;       // use_weighting: WPO
  bool reference_free = false;  // the reference counts as uniform
  feedback::PairOptions pairs;
  int64_t max_tokens = 2048;  // of the passes that fix a step's order
};

// TR-DPO (arXiv 2404.09656): every `steps` steps reference <- alpha policy + (1 - alpha) reference.
struct MovingReference {
  ReferenceModel model;
  double alpha = 0.6;
  int64_t steps = 512;
};

class PreferenceMethod : public PairMethod {
 public:
  PreferenceMethod(models::Decoder& decoder, TreeMethodOptions options, PreferenceSetup setup,
                   std::vector<TreeRow> train, std::vector<TreeRow> evaluation);

  void set_reference(ReferenceLogProbs train, std::optional<ReferenceLogProbs> evaluation);
  void set_reference(MovingReference moving) { moving_.emplace(std::move(moving)); }
  // Whether the reference is asked for every token (ld_alpha).
  bool needs_reference_tokens() const { return setup_.loss.ld_alpha.has_value(); }

  int64_t row_units(Split split, int64_t row) const override;
  const char* unit_name() const override;
  OrderedJson about() const override;  // reference_seconds
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  Status end_step(std::map<std::string, double>* metrics) override;
  std::vector<optim::NamedTensor> state_tensors() override;

 private:
  // What is known of all pairs of a step (or of all evaluation rows) before its passes.
  struct WholeStep {
    double chosen_tokens_per_pair = 0;          // of the sft loss
    objectives::SortedPartners partners;        // of the sorted losses
    std::map<int64_t, int64_t> first_pair;      // by row, where its pairs stand in `partners`
  };
  struct Reference {  // of one pass; undefined: none
    Tensor sums;      // [C]
    Tensor tokens;    // [R]
  };

  WholeStep whole_step(Split split, const std::vector<int64_t>& rows);
  void find_partners(Split split, const std::vector<int64_t>& rows, WholeStep* whole);
  static objectives::SortedPartners partners_at(const WholeStep& whole,
                                                const std::vector<int64_t>& rows,
                                                const PassPairs& pairs);
  const WholeStep& known(Split split);
  Reference reference_of(Split split, const std::vector<int64_t>& rows, const TreePass& pass,
                         const PassOptions& options);
  objectives::PreferencePairs pairs_with_log_probs(const TreePass& pass, const PassPairs& pairs,
                                                   const Reference& reference) const;
  Tensor ranking_losses(Split split, const std::vector<int64_t>& rows, const TreePass& pass,
                        const Reference& reference) const;
  void add_metrics(const TreePass& pass, const PassPairs& pairs,
                   const objectives::PreferencePairs& terms, PassResult* result);

  PreferenceSetup setup_;
  std::optional<ReferenceLogProbs> train_reference_;
  std::optional<ReferenceLogProbs> evaluation_reference_;
  std::optional<MovingReference> moving_;
  int64_t step_ = 0;
  WholeStep train_step_;
  std::optional<WholeStep> evaluation_step_;  // until the weights change
};

}  // namespace attune::engine::train
