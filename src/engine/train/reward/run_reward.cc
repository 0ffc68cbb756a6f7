#include <ATen/core/grad_mode.h>

#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "engine/tensor/guarded.h"
#include "engine/train/reward/reward_folds.h"
#include "engine/train/reward/reward_method.h"
#include "engine/train/reward/reward_normalisation.h"
#include "engine/train/reward/reward_rows.h"
#include "engine/train/run_job.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

// What is known of the model at the end: how it orders the evaluation rows, and the normalisation.
Status write_evaluation(const protocol::Job& job, const RewardMethod& method,
                        const models::RewardNormaliser& normaliser) {
  OrderedJson json;
  if (method.evaluation()) json = to_json(*method.evaluation());
  json[models::kNormaliserKey] = OrderedJson(models::to_json(normaliser));
  return write_json_file(join_path(job.output_dir, "reward_evaluation.json"), json);
}

// One model: of all rows, or of those that are left when some annotators are not heard.
Status train_reward(const protocol::Job& job, const std::vector<std::string>& unheard) {
  const RewardOptions options = TRY(read_reward_options(job.config));
  const NormaliseOptions normalise = TRY(read_normalise_options(job.config));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  TreeData data = TRY(load_reward_data(job, run));
  if (!unheard.empty()) TRY(leave_out(unheard, &data));
  TRY(run.load_model(ModelRole::kRewardModel));
  TreeMethodOptions tree =
      TRY(tree_method_options(job.config, run.decoder(), run.adapters()));
  tree.batch.log_probs = false;
  tree.batch.scores = true;
  const std::vector<models::TokenTree> samples = reference_samples(data.train, normalise);
  TRY(split_into_pairs(job.config, &data.train));
  if (normalise.before) TRY(scale_score_head(run.decoder(), run.adapters(), samples));
  RewardMethod method(run.decoder(), options, tree, std::move(data.train),
                      std::move(data.evaluation));
  return run.train(method, [&](const std::string& folder) -> Status {
    const models::RewardNormaliser normaliser =
        TRY(measure_normaliser(run.decoder(), run.adapters(), samples, normalise));
    if (method.row_count(Split::kEvaluation) > 0) {
      const at::NoGradGuard no_grad;  // of the weights that final/ holds
      TRY(run_guarded({"evaluation of the final model", {}}, [&] { return method.evaluate(); }));
    }
    TRY(write_evaluation(job, method, normaliser));
    return write_normaliser(normaliser, folder);
  });
}

// The folds of annotator_folds, each a run of its own under folds/; one that is finished stays.
Status train_folds(const protocol::Job& job, int64_t count) {
  std::vector<std::vector<std::string>> folds;
  {
    const TrainingRun run = TRY(TrainingRun::prepare(job));
    const TreeData data = TRY(load_reward_data(job, run));
    folds = TRY(annotator_folds(data.train, count));
  }
  std::vector<std::string> folders;
  for (size_t i = 0; i < folds.size(); ++i) {
    protocol::Job fold = job;
    fold.output_dir = join_path(job.output_dir, fmt::format("folds/{}", i + 1));
    folders.push_back(fold.output_dir);
    if (exists(join_path(fold.output_dir, "final"))) continue;
    log_info("fold {} of {}: without {} of the annotators", i + 1, folds.size(), folds[i].size());
    TRY(make_directories(fold.output_dir));
    if (!TRY(get_string_or(job.config, "resume_from_checkpoint", "")).empty()) {
      fold.config["resume_from_checkpoint"] = "true";
    }
    TRY(train_reward(fold, folds[i]));
  }
  const OrderedJson report = TRY(report_folds(folders, folds));
  return write_json_file(join_path(job.output_dir, "folds.json"), report);
}

}  // namespace

Status run_reward(const protocol::Job& job) {
  if (find(job.config, "annotator_folds") != nullptr) {
    const int64_t folds = TRY(get_int(job.config, "annotator_folds"));
    TRY(train_folds(job, folds));
  }
  return train_reward(job, {});
}

}  // namespace attune::engine::train
