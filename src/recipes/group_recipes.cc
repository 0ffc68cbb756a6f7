// rloo, grpo and reinforce_plus_plus: names and defaults of TRL 1.16's RLOOConfig and GRPOConfig.
#include "recipes/on_policy_options.h"
#include "recipes/on_policy_recipe.h"
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

// `generations` and `beta`: where the methods' defaults differ.
std::vector<Option> group_options(int64_t generations, double beta) {
  std::vector<Option> options = {
      integer("num_generations", generations, 1, "answers sampled for each prompt"),
      integer("num_generations_eval", nullptr, 1,
              "the same in evaluations; default num_generations"),
      integer("max_completion_length", 512, 1, "longest answer in tokens"),
      integer("steps_per_generation", nullptr, 1,
              "batches of answers sampled at once; default gradient_accumulation_steps"),
      integer("generation_batch_size", nullptr, 1,
              "answers sampled at once, in place of steps_per_generation"),
      real("beta", beta, 0, {}, "weight of the KL to the reference; 0: no reference is held"),
      integer("num_iterations", 1, 1, "passes over the answers of a step"),
      real("epsilon", 0.2, 0, {}, "how far below 1 a ratio may go"),
      real("epsilon_high", nullptr, 0, {}, "how far above 1; default epsilon"),
      boolean("mask_truncated_completions", false, "answers that did not end teach nothing")};
  options = with_source("TRL", std::move(options));
  options.push_back(kl_limit_option());
  return options;
}

Recipe make(std::string name, std::string text, std::vector<Option> own) {
  Recipe recipe = on_policy_recipe(std::move(name), std::move(text), std::move(own));
  set_default(recipe, "learning_rate", 1e-6);
  set_default(recipe, "shuffle_dataset", true);
  set_default(recipe, "metric_for_best_model", "eval_reward");
  for (Option& option : recipe.options) {
    if (option.name == "per_device_train_batch_size") {
      option.text = "answers of a forward pass and device: prompts times num_generations";
    }
    if (option.name == "metric_for_best_model") option.text = "metric that ranks checkpoints";
  }
  return recipe;
}

Recipe make_rloo() {
  std::vector<Option> own = group_options(2, 0.05);
  for (Option& option : with_source(
           "TRL", {boolean("normalize_advantages", false,
                           "advantages of a step with mean 0 and deviation 1"),
                   list("reward_clip_range", nullptr, "two numbers that rewards are cut to")})) {
    own.push_back(std::move(option));
  }
  return make("rloo", "REINFORCE leave-one-out (arXiv 2402.14740) on sampled answers.",
              std::move(own));
}

std::vector<Option> refused_of_grpo() {
  return with_effect(
      Effect::kRefused,
      {choice("multi_objective_aggregation", "sum_then_normalize",
              {"sum_then_normalize", "normalize_then_sum"}, "rewards are added up first"),
       real("off_policy_mask_threshold", nullptr, 0, {}, "is not implemented"),
       real("top_entropy_quantile", 1.0, 0, 1, "all tokens are trained"),
       real("entropy_coef", 0.0, 0, {}, "there is no entropy bonus"),
       boolean("use_adaptive_entropy", false, "there is no entropy bonus"),
       real("entropy_coef_min", 0.0, 0, {}, "there is no entropy bonus"),
       real("entropy_coef_max", 1.0, 0, {}, "there is no entropy bonus"),
       real("entropy_coef_delta", 0.005, 0, {}, "there is no entropy bonus"),
       real("entropy_target", 0.2, 0, {}, "there is no entropy bonus"),
       integer("max_tool_calling_iterations", nullptr, 1, "answers are texts"),
       real("sapo_temperature_neg", 1.05, 0, {}, "loss_type sapo is not implemented"),
       real("sapo_temperature_pos", 1.0, 0, {}, "loss_type sapo is not implemented"),
       real("vespo_k_pos", 2.0, 0, {}, "loss_type vespo is not implemented"),
       real("vespo_lambda_pos", 3.0, 0, {}, "loss_type vespo is not implemented"),
       real("vespo_k_neg", 3.0, 0, {}, "loss_type vespo is not implemented"),
       real("vespo_lambda_neg", 2.0, 0, {}, "loss_type vespo is not implemented")});
}

Recipe make_grpo() {
  std::vector<Option> own = group_options(8, 0.0);
  std::vector<Option> more = {
      choice("loss_type", "dapo", {"grpo", "dapo", "bnpo", "dr_grpo", "cispo"},
             "how the losses of tokens add up"),
      choice("importance_sampling_level", "token", {"token", "sequence"},
             "ratios of tokens, or of whole answers (GSPO, arXiv 2507.18071)"),
      choice("scale_rewards", "group", {"group", "batch", "none", "true", "false"},
             "what advantages are divided by: a deviation of rewards, or nothing; true is group"),
      real("delta", nullptr, 1, {}, "cap on the unclipped ratio"),
      boolean("use_bias_correction_kl", true, "the KL term is weighed by the ratio")};
  for (Option& option : refused_of_grpo()) more.push_back(std::move(option));
  for (Option& option : with_source("TRL", std::move(more))) own.push_back(std::move(option));
  return make("grpo",
              "Group relative policy optimisation (arXiv 2402.03300), with DAPO, Dr. GRPO, GSPO.",
              std::move(own));
}

Recipe make_reinforce_plus_plus() {
  std::vector<Option> own = group_options(1, 0.01);
  for (Option& option : with_source(
           "Attune",
           {choice("advantage_baseline", "none", {"none", "group"},
                   "group: minus the mean of the prompt's answers, and KL becomes a loss"),
            real("gamma", 1.0, 0, 1, "discount of the rewards of later tokens")})) {
    own.push_back(std::move(option));
  }
  return make("reinforce_plus_plus",
              "REINFORCE with token-wise KL and whitened advantages (arXiv 2501.03262).",
              std::move(own));
}

}  // namespace

const Recipe& rloo() {
  static const Recipe recipe = make_rloo();
  return recipe;
}

const Recipe& grpo() {
  static const Recipe recipe = make_grpo();
  return recipe;
}

const Recipe& reinforce_plus_plus() {
  static const Recipe recipe = make_reinforce_plus_plus();
  return recipe;
}

}  // namespace attune::recipes
