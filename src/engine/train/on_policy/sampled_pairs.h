// What online DPO and SPIN share: each step makes its own preference pairs (Split::kRollout) from
// sampled answers, and one update learns from them by DPO's loss. Where the pairs come from is each
// method's own (begin_step).
//
// A pair is a tree of two branches, the chosen side first; the prompt is computed once. Adapters
// train without dropout. Letters: P pairs of a step. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/objectives/preference.h"
#include "engine/train/method.h"
#include "engine/train/on_policy/group_method.h"
#include "engine/train/on_policy/rollout_ranks.h"

namespace attune::engine::train {

struct SampledPair {
  Rollout sides;                   // two samples: chosen, rejected
  std::string name;                // of its row, for errors
  double reference_chosen = 0;     // sums of log-probs under the reference
  double reference_rejected = 0;
};

struct PairLossOptions {
  objectives::PreferenceOptions loss;
  std::vector<std::string> adapters;  // the stack that trains; empty: all weights
  double temperature = 1.0;           // of all log-probs
  int64_t max_tokens_per_batch = 2048;
};

class SampledPairMethod : public Method {
 public:
  int64_t row_units(Split split, int64_t row) const override;
  const char* unit_name() const override { return "pairs"; }
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  void join(comm::Communicator& ranks) override { ranks_ = &ranks; }

 protected:
  SampledPairMethod(models::Decoder& decoder, PairLossOptions options)
      : decoder_(decoder), options_(std::move(options)) {}

  // Fills in what the reference says of the pairs.
  Status add_reference(const FrozenPolicy& reference, std::vector<SampledPair>* pairs) const;
  // The step's update: all pairs at once; no update without pairs.
  StepUpdates learn_from(std::vector<SampledPair> pairs);

  const SampledPair& pair(int64_t row) const { return pairs_[static_cast<size_t>(row)]; }
  int64_t pair_count() const { return static_cast<int64_t>(pairs_.size()); }
  models::Decoder& decoder() { return decoder_; }
  comm::Communicator* ranks() const { return ranks_; }  // null: one process
  PairLossOptions& options() { return options_; }
  const PairLossOptions& options() const { return options_; }

 private:
  models::Decoder& decoder_;
  PairLossOptions options_;
  comm::Communicator* ranks_ = nullptr;
  std::vector<SampledPair> pairs_;  // of the step in work
};

}  // namespace attune::engine::train
