// The normalisation that a reward model carries (models/reward_model.h), measured on reference
// samples: the training rows' best answers, which stand for demonstrations, or all of them.
//
// Sources differ (losses.md §6.2): subtract the mean reward of the demonstrations (arXiv
// 2403.17031), or bring mean and standard deviation to 0 and 1, before and after training (arXiv
// 1909.08593). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/reward_model.h"
#include "engine/train/rows/tree_rows.h"

namespace attune::engine::train {

struct NormaliseOptions {
  enum class Measure { kNone, kMean, kMeanAndDeviation };
  Measure measure = Measure::kMean;
  bool chosen_only = true;
  int64_t samples = 1000;
  bool before = false;
};
// normalise_rewards, normalise_on, normalise_samples, normalise_before.
Result<NormaliseOptions> read_normalise_options(const Json& config);

// At most `samples` sequences of the rows, evenly spaced, each a tree of its own.
std::vector<models::TokenTree> reference_samples(const std::vector<TreeRow>& rows,
                                                 const NormaliseOptions& options);

// Scores the samples. Without a spread the scale is 1, and a warning says so.
Result<models::RewardNormaliser> measure_normaliser(models::Decoder& decoder,
                                                    const std::vector<std::string>& stack,
                                                    const std::vector<models::TokenTree>& samples,
                                                    const NormaliseOptions& options);

// Divides the score head by the standard deviation of the samples' scores, in place.
Status scale_score_head(models::Decoder& decoder, const std::vector<std::string>& stack,
                        const std::vector<models::TokenTree>& samples);

// Puts the normalisation where whoever scores finds it: into config.json of a model folder, or
// beside adapter_config.json.
Status write_normaliser(const models::RewardNormaliser& normaliser, const std::string& folder);

}  // namespace attune::engine::train
