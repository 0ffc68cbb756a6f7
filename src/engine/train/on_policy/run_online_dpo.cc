// attune train online_dpo.
#include <algorithm>

#include "engine/train/on_policy/frozen_policy.h"
#include "engine/train/on_policy/gold_reward.h"
#include "engine/train/on_policy/online_dpo_method.h"
#include "engine/train/on_policy/prompt_run.h"
#include "engine/train/run_job.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

Result<std::vector<double>> read_betas(const Json& config) {
  std::vector<double> betas;
  const Json* found = find(config, "beta");
  if (found == nullptr) return std::vector<double>{0.1};
  for (const Json& item : found->is_array() ? *found : Json::array({*found})) {
    const auto number = item.is_string() ? parse_json(item.get<std::string>()) : Result<Json>(item);
    if (!number.ok() || !number->is_number() || number->get<double>() <= 0) {
      return invalid_input("beta: {} is no number above 0", to_line(item));
    }
    betas.push_back(number->get<double>());
  }
  if (betas.empty()) return invalid_input("beta: is empty; give a number, or one for each epoch");
  return betas;
}

Result<objectives::PreferenceOptions> read_loss(const Json& config) {
  const std::string name = TRY(get_string_or(config, "loss_type", "sigmoid"));
  objectives::PreferenceOptions loss;
  loss.losses = {{TRY(objectives::parse_pair_loss(name)), 1.0}};
  loss.ipo_length = objectives::IpoLength::kSum;  // TRL's OnlineDPOTrainer
  return loss;
}

Result<OnlineDpoSetup> read_setup(const Json& config, const TrainingOptions& options) {
  if (options.batch.tokens_per_step) {
    return invalid_input("tokens_per_step: on-policy steps are counted in prompts");
  }
  OnlineDpoSetup setup;
  setup.rollout = TRY(read_sampling(config, options));
  setup.rollout.samples = 2;
  setup.rollout.response_length = TRY(get_int_or(config, "max_new_tokens", 64));
  if (find(config, "max_length") != nullptr) {
    const int64_t whole = TRY(get_int(config, "max_length"));
    if (whole <= setup.rollout.response_length) {
      return invalid_input(
          "max_length: {} is for prompt and answer together and leaves no room beside "
          "max_new_tokens ({}); raise it",
          whole, setup.rollout.response_length);
    }
  }
  setup.loss.loss = TRY(read_loss(config));
  setup.loss.temperature = setup.rollout.temperature;
  setup.betas = TRY(read_betas(config));
  if (find(config, "missing_eos_penalty") != nullptr) {
    setup.missing_eos_penalty = TRY(get_double(config, "missing_eos_penalty"));
  }
  if (find(config, "kl_limit") != nullptr) setup.kl_limit = TRY(get_double(config, "kl_limit"));
  return setup;
}

}  // namespace

Status run_online_dpo(const protocol::Job& job) {
  TrainingRun run = TRY(TrainingRun::prepare(job));
  OnlineDpoSetup setup = TRY(read_setup(job.config, run.options()));
  PromptData prompts = TRY(read_prompts(job, run, setup.rollout.response_length));
  TRY(run.load_model());
  const RewardHost host = reward_host(job, run);
  const auto rewards = TRY(open_rewards(job.config, run.text().tokenizer, host));
  const auto gold = TRY(open_gold(job.config, run, host, prompts.evaluation.size()));
  setup.gold = gold.get();
  ReferenceModel reference = TRY(open_start(job, run));
  setup.reference = frozen(reference);
  setup.loss.adapters = run.adapters();
  setup.rollout.adapters = run.adapters();
  setup.rollout.stop_ids = run.stop_ids();
  const BatchOptions batch = run.batch_of_ranks();
  const int64_t rows = batch.rows_per_batch * batch.accumulation;
  const auto prompt_count = static_cast<int64_t>(prompts.train.size());
  setup.steps_per_epoch = std::max<int64_t>((prompt_count + rows - 1) / rows, 1);
  OnlineDpoMethod method(run.decoder(), run.text().tokenizer, *rewards, std::move(setup),
                         std::move(prompts));
  return run.train(method);
}

}  // namespace attune::engine::train
