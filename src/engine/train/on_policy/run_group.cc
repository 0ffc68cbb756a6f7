// attune train rloo, grpo and reinforce_plus_plus.
#include "base/log.h"
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
  const RewardHost host = reward_host(job, run);
  const auto rewards = TRY(open_rewards(job.config, run.text().tokenizer, host));
  std::optional<ReferenceModel> reference;
  const auto gold = TRY(open_gold(job.config, run, host, prompts.evaluation.size()));
  setup.gold = gold.get();
  // A limit that was asked for is worth a pass; on a trunk with adapters the reference is there.
  const bool limited = setup.kl_limit && job.written.contains("kl_limit");
  const bool measures = limited && !run.adapters().empty();
  if (setup.settings.needs_reference() || gold != nullptr || measures) {
    reference = TRY(open_start(job, run));
    setup.reference = frozen(*reference);
  } else if (limited) {
    log_warning("kl_limit: has no effect: with beta: 0 and all weights in training no reference is "
                "held that a distance could be measured from; set beta (0.001 will do)");
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
