// ppo: names and defaults of TRL's PPOConfig (trl.experimental.ppo, last in TRL 1.12), with the
// conventions of other sources as options and as presets (losses.md §7.3, §7.5).
#include "recipes/on_policy_options.h"
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> objective_options() {
  return with_source(
      "TRL",
      {real("kl_coef", 0.05, 0, {}, "weight of the KL to the reference in the reward"),
       choice("kl_estimator", "k1", {"k1", "k2", "k3"}, "how the KL of a token is estimated"),
       integer("num_ppo_epochs", 4, 1, "times through the answers of a step"),
       integer("num_mini_batches", 1, 1, "updates in one time through the answers"),
       real("cliprange", 0.2, 0, {}, "how far from 1 a ratio may go"),
       real("cliprange_value", 0.2, 0, {}, "how far from its old value a value may go"),
       real("vf_coef", 0.1, 0, {}, "weight of the value loss"),
       real("gamma", 1.0, 0, 1, "discount of later rewards"),
       real("lam", 0.95, 0, 1, "lambda of generalised advantage estimation"),
       boolean("whiten_rewards", false, "scale the rewards of tokens to deviation 1"),
       integer("response_length", 53, 1, "longest answer in tokens"),
       real("temperature", 0.7, 0, {}, "divides logits, in sampling and in all log-probs"),
       choice("stop_token", "eos", {"eos", "none"},
              "what ends an answer; none: all have full length, as is TRL's default"),
       integer("stop_token_id", nullptr, 0, "an id that ends an answer, in place of stop_token"),
       real("missing_eos_penalty", nullptr, 0, {},
            "taken from the score of an answer that did not end"),
       integer("total_episodes", nullptr, 1, "answers of the whole run; max_steps wins"),
       integer("local_rollout_forward_batch_size", 64, 1, "answers decoded at once")});
}

std::vector<Option> convention_options() {
  return {choice("preset", "none", {"none", "trl", "n_plus", "instruct_gpt", "ziegler"},
                 "a published set of the options below; what is set explicitly wins"),
          choice("kl_controller", "fixed", {"fixed", "adaptive"},
                 "whether kl_coef follows kl_target (arXiv 1909.08593)"),
          real("kl_target", 6.0, 0, {}, "nats an answer that the adaptive controller aims at"),
          real("kl_horizon", 10000.0, 1, {}, "answers over which it acts"),
          kl_limit_option(),
          choice("eos_rule", "none", {"none", "replace", "subtract"},
                 "what an answer that did not end scores: eos_penalty, or that much less"),
          real("eos_penalty", nullptr, {}, {}, "of eos_rule; default -1 replacing, 1 subtracting"),
          choice("score_position", "eos_plus_1", {"eos", "eos_plus_1"},
                 "the token whose reward has the score: the last, or the one behind it (TRL)"),
          choice("variance", "unbiased", {"biased", "unbiased"},
                 "of whitening: divided by n (OpenAI) or n - 1 (TRL)"),
          boolean("whiten_advantages", true, "advantages of a step with mean 0 and deviation 1"),
          real("reward_clamp", 0.0, 0, {}, "cut scores to this; 0 for none (OpenRLHF: 10)"),
          real("ratio_clamp", 0.0, 0, {},
               "cut log-ratios to the reference to this; 0 for none (OpenRLHF: 10)"),
          real("target_kl", nullptr, 0, {},
               "leave out a step's other updates once approxkl is above it"),
          integer("samples_per_prompt", 1, 1, "answers to each prompt, which is computed once"),
          boolean("recompute_log_probs", true,
                  "old log-probs by the training pass; false: as captured while sampling, and so "
                  "are a head's values")};
}

std::vector<Option> role_options() {
  return {choice("value_source", nullptr, {"separate", "adapter", "head"},
                 "a model, a LoRA role or a head; default adapter with use_peft, else separate"),
          choice("value_init", nullptr, {"from_rm", "zero"},
                 "start of the value; default from_rm where a reward model fits"),
          string("ref_model_name_or_path", nullptr,
                 "another model as reference; default: what the run starts from"),
          real("value_learning_rate", nullptr, 0, {}, "of the value; default learning_rate"),
          choice("adam_epsilon_form", "torch", {"torch", "tf1"},
                 "epsilon beside the corrected root, or beside the plain one (TensorFlow 1)"),
          real("ptx_coefficient", 0.0, 0, {},
               "weight of the log-likelihood of pretraining rows (arXiv 2203.02155)"),
          texts("ptx_dataset_name", nullptr, "rows of ptx_coefficient"),
          integer("ptx_rows_per_episode", 8, 1, "pretraining rows for each answer"),
          integer("ptx_max_length", 1024, 1, "longest pretraining row in tokens"),
          real("ema", 0.0, 0, 0.999999, "decay of averaged weights, which final/ gets; 0: none"),
          integer("max_prompt_length", nullptr, 1, "longer prompts are left out, by name")};
}

std::vector<Option> published_ppo_options() {
  return with_source(
      "TRL", with_effect(Effect::kNoEffect,
                         {string("exp_name", "ppo_config", "set run_name"),
                          integer("num_sample_generations", 10, 0, "set sample_prompts"),
                          string("model_adapter_name", nullptr,
                                 "the stack is model_name_or_path's"),
                          string("ref_adapter_name", nullptr, "the reference is what the run "
                                                              "started from"),
                          boolean("ds3_gather_for_generation", true,
                                  "weights are whole in every process")}));
}

std::vector<Preset> presets() {
  const Json batch_of_512 = {{"per_device_train_batch_size", 64},
                             {"gradient_accumulation_steps", 8}};
  Json n_plus = {{"kl_coef", 0.05}, {"eos_rule", "replace"}, {"eos_penalty", -1.0},
                 {"variance", "biased"}, {"learning_rate", 3e-6}, {"adam_epsilon", 1e-5},
                 {"max_grad_norm", 0.0}, {"total_episodes", 1'000'000}};
  Json instruct_gpt = {{"kl_coef", 0.02}, {"num_ppo_epochs", 1}, {"num_mini_batches", 8},
                       {"temperature", 1.0}, {"score_position", "eos"},
                       {"lr_scheduler_type", "constant_with_warmup"}, {"warmup_steps", 10},
                       {"value_learning_rate", 9e-6}, {"ptx_coefficient", 27.8},
                       {"ptx_rows_per_episode", 8}, {"ema", 0.992}, {"total_episodes", 256'000}};
  Json ziegler = {{"kl_coef", 0.15}, {"kl_controller", "adaptive"}, {"kl_target", 6.0},
                  {"kl_horizon", 10000.0}, {"response_length", 24}, {"stop_token", "none"},
                  {"score_position", "eos"}, {"whiten_rewards", true}, {"variance", "biased"},
                  {"value_init", "zero"}, {"learning_rate", 1e-5}, {"adam_epsilon", 1e-5},
                  {"adam_epsilon_form", "tf1"}, {"max_grad_norm", 0.0}};
  for (Json* preset : {&n_plus, &instruct_gpt, &ziegler}) preset->update(batch_of_512);
  return {{"trl", {{"stop_token", "none"}, {"max_grad_norm", 0.0}, {"kl_limit", nullptr}}},
          {"n_plus", std::move(n_plus)},
          {"instruct_gpt", std::move(instruct_gpt)},
          {"ziegler", std::move(ziegler)}};
}

Recipe make_ppo() {
  std::vector<Option> own;
  for (const auto& group : {objective_options(), convention_options(), role_options(),
                            reward_options(), published_ppo_options()}) {
    own.insert(own.end(), group.begin(), group.end());
  }
  Recipe recipe = training_recipe(
      "ppo", "Proximal policy optimisation on sampled answers that a reward judges.",
      std::move(own));
  // Rows are prompts: they have a limit of their own.
  std::erase_if(recipe.options, [](const Option& option) { return option.name == "max_length"; });
  set_default(recipe, "learning_rate", 3e-6);
  for (Option& option : recipe.options) {
    if (option.name == "model_name_or_path") option.other_names.push_back("sft_model_path");
    if (option.name != "metric_for_best_model") continue;
    option.text = "metric that ranks checkpoints; default eval_objective/rlhf_reward";
  }
  recipe.presets = presets();
  return recipe;
}

}  // namespace

const Recipe& ppo() {
  static const Recipe recipe = make_ppo();
  return recipe;
}

}  // namespace attune::recipes
