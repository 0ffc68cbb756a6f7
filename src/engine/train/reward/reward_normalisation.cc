#include "engine/train/reward/reward_normalisation.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "engine/models/score_head.h"
#include "engine/tensor/guarded.h"

namespace attune::engine::train {
namespace {

struct Moments {
  double mean = 0;
  double deviation = 0;  // population standard deviation
};

Result<Moments> moments_of(models::Decoder& decoder, const std::vector<std::string>& stack,
                           const std::vector<models::TokenTree>& samples) {
  const std::vector<double> scores = TRY(run_guarded({"scoring the reference samples", {}}, [&] {
    return models::score_trees(decoder, samples, stack);
  }));
  Moments moments;
  const auto count = static_cast<double>(scores.size());
  for (double score : scores) moments.mean += score / count;
  for (double score : scores) {
    moments.deviation += (score - moments.mean) * (score - moments.mean) / count;
  }
  moments.deviation = std::sqrt(moments.deviation);
  return moments;
}

}  // namespace

Result<NormaliseOptions> read_normalise_options(const Json& config) {
  using Measure = NormaliseOptions::Measure;
  NormaliseOptions options;
  const std::string measure = TRY(get_string_or(config, "normalise_rewards", "mean"));
  if (measure == "none") {
    options.measure = Measure::kNone;
  } else if (measure == "mean_std") {
    options.measure = Measure::kMeanAndDeviation;
  } else if (measure != "mean") {
    return invalid_input("normalise_rewards: {} is unknown; use none, mean or mean_std", measure);
  }
  const std::string on = TRY(get_string_or(config, "normalise_on", "chosen"));
  if (on != "chosen" && on != "all") {
    return invalid_input("normalise_on: {} is unknown; use chosen or all", on);
  }
  options.chosen_only = on == "chosen";
  options.samples = TRY(get_int_or(config, "normalise_samples", 1000));
  options.before = TRY(get_bool_or(config, "normalise_before", false));
  if (options.before && TRY(get_string_or(config, "score_head_init", "normal")) == "zero") {
    return invalid_input(
        "normalise_before: a score head that starts at zero has no scale; use score_head_init: "
        "normal");
  }
  return options;
}

std::vector<models::TokenTree> reference_samples(const std::vector<TreeRow>& rows,
                                                 const NormaliseOptions& options) {
  std::vector<models::TokenTree> all;
  for (const TreeRow& row : rows) {
    for (size_t i = 0; i < row.tree.branches.size(); ++i) {
      const bool wanted = !options.chosen_only || row.ranks[i] == std::optional<int>(1);
      if (wanted) all.push_back({row.tree.prompt, {row.tree.branches[i]}});
    }
  }
  const auto count = static_cast<int64_t>(all.size());
  if (count <= options.samples) return all;
  std::vector<models::TokenTree> some;
  for (int64_t i = 0; i < options.samples; ++i) {
    some.push_back(std::move(all[static_cast<size_t>(i * count / options.samples)]));
  }
  return some;
}

Result<models::RewardNormaliser> measure_normaliser(models::Decoder& decoder,
                                                    const std::vector<std::string>& stack,
                                                    const std::vector<models::TokenTree>& samples,
                                                    const NormaliseOptions& options) {
  models::RewardNormaliser normaliser;
  if (options.measure == NormaliseOptions::Measure::kNone || samples.empty()) return normaliser;
  const Moments moments = TRY(moments_of(decoder, stack, samples));
  normaliser.mean = moments.mean;
  normaliser.reference = options.chosen_only ? "best answers of the training rows"
                                             : "answers of the training rows";
  normaliser.samples = static_cast<int64_t>(samples.size());
  if (options.measure == NormaliseOptions::Measure::kMean) return normaliser;
  if (moments.deviation > 0) {
    normaliser.scale = moments.deviation;
  } else {
    log_warning("normalise_rewards: the rewards of all {} reference samples are the same; the "
                "scale stays 1", samples.size());
  }
  return normaliser;
}

Status scale_score_head(models::Decoder& decoder, const std::vector<std::string>& stack,
                        const std::vector<models::TokenTree>& samples) {
  const Moments moments = TRY(moments_of(decoder, stack, samples));
  if (moments.deviation <= 0) {
    return invalid_input("normalise_before: the scores of the reference samples do not differ");
  }
  const at::NoGradGuard no_grad;
  models::score_weight(decoder, stack).div_(moments.deviation);
  return {};
}

Status write_normaliser(const models::RewardNormaliser& normaliser, const std::string& folder) {
  const std::string config_path = join_path(folder, "config.json");
  if (!exists(config_path)) {
    return write_json_file(join_path(folder, models::kNormaliserFile),
                           models::to_json(normaliser));
  }
  Json config = TRY(read_json_file(config_path));
  config[models::kNormaliserKey] = models::to_json(normaliser);
  return write_json_file(config_path, config);
}

}  // namespace attune::engine::train
