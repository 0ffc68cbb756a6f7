// attune train rloo, grpo and reinforce_plus_plus.
#include "engine/train/on_policy/frozen_policy.h"
#include "engine/train/on_policy/gold_reward.h"
#include "engine/train/on_policy/group_config.h"
#include "engine/train/on_policy/group_method.h"
#include "engine/train/on_policy/prompt_run.h"
#include "engine/train/run_job.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

Status run_group(const protocol::Job& job, GroupAlgorithm algorithm) {
  TrainingRun run = TRY(TrainingRun::prepare(job));
  GroupSetup setup = TRY(read_group_setup(job.config, algorithm, run.options()));
  const GroupShape shape = TRY(read_group_shape(job.config, run.options().batch));
  PromptData prompts = TRY(read_prompts(job, run, setup.rollout.response_length));
  TRY(run.load_model());
  const auto rewards = TRY(open_rewards(job.config, run.text().tokenizer, run.device()));
  std::optional<ReferenceModel> reference;
  const auto gold = TRY(open_gold(job.config, run, prompts.evaluation.size()));
  setup.gold = gold.get();
  if (setup.settings.needs_reference() || gold != nullptr) {
    reference = TRY(open_start(job, run));
    setup.reference = frozen(*reference);
  }
  setup.rollout.adapters = run.adapters();
  setup.rollout.stop_ids = run.stop_ids();
  run.set_rows_per_step(shape.prompts);
  GroupMethod method(run.decoder(), run.text().tokenizer, *rewards, std::move(setup),
                     std::move(prompts));
  return run.train(method);
}

}  // namespace

Status run_rloo(const protocol::Job& job) { return run_group(job, GroupAlgorithm::kRloo); }

Status run_grpo(const protocol::Job& job) { return run_group(job, GroupAlgorithm::kGrpo); }

Status run_reinforce_plus_plus(const protocol::Job& job) {
  return run_group(job, GroupAlgorithm::kReinforce);
}

}  // namespace attune::engine::train
