#include "recipes/on_policy_options.h"

#include "recipes/training_options.h"

namespace attune::recipes {

std::vector<Option> reward_options() {
  std::vector<Option> options = with_source(
      "TRL", {list("reward_model_path", nullptr,
                   "reward models (folders or owner/name) that judge the answers"),
              list("reward_weights", nullptr,
                   "one number for each reward, models before commands; default 1")});
  for (Option& option :
       with_source("Attune",
                   {texts("reward_command", nullptr,
                          "programs that judge the answers: JSON lines in, JSON lines out"),
                    integer("reward_timeout_ms", 60'000, 1,
                            "how long a reward command may say nothing while it owes answers"),
                    list("gold_reward_model", nullptr,
                         "reward models that stand for the truth: evaluations draw their reward "
                         "over the KL, beside the policy's own"),
                    texts("gold_reward_command", nullptr,
                          "programs that stand for the truth in evaluations")})) {
    options.push_back(option);
  }
  return options;
}

Option kl_limit_option() {
  return nullable(real("kl_limit", 10.0, 0, {},
                       "nats a token: a mean KL to the reference above it ends the run, where a "
                       "reference is held; none for none"));
}

std::vector<Option> sampling_options_of_training() {
  std::vector<Option> options = with_source(
      "TRL",
      {real("temperature", 1.0, 0, {}, "divides logits, in sampling and in all log-probs"),
       real("top_p", 1.0, 0, 1, "keep the smallest set with this probability; biases KL"),
       integer("top_k", 0, 0, "keep the k most probable tokens; 0 keeps all; biases KL"),
       real("min_p", nullptr, 0, 1, "keep tokens with this share of the best's probability"),
       real("repetition_penalty", 1.0, 0, {}, "above 1 makes seen tokens less likely")});
  std::vector<Option> own = with_source(
      "Attune", {integer("max_prompt_length", nullptr, 1, "longer prompts are left out, by name"),
                 integer("rollout_rows_max", 64, 1, "answers decoded at once")});
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

std::vector<Option> published_rollout_options() {
  std::vector<Option> ignored = with_effect(
      Effect::kNoEffect,
      {boolean("use_vllm", false, "the engine samples itself, in the precision of training"),
       string("vllm_mode", "colocate", "the engine samples itself"),
       string("vllm_model_impl", "vllm", "the engine samples itself"),
       boolean("vllm_enable_sleep_mode", false, "the engine samples itself"),
       string("vllm_server_base_url", nullptr, "the engine samples itself"),
       string("vllm_server_host", "0.0.0.0", "the engine samples itself"),
       integer("vllm_server_port", 8000, 0, "the engine samples itself"),
       real("vllm_server_timeout", 240.0, 0, {}, "the engine samples itself"),
       integer("vllm_group_port", 51216, 0, "the engine samples itself"),
       real("vllm_gpu_memory_utilization", 0.3, 0, 1, "the engine samples itself"),
       integer("vllm_max_model_length", nullptr, 1, "the engine samples itself"),
       integer("vllm_tensor_parallel_size", 1, 1, "the engine samples itself"),
       boolean("vllm_importance_sampling_correction", true, "one numeric path: the ratio is 1"),
       string("vllm_importance_sampling_mode", "sequence_mask", "one numeric path"),
       real("vllm_importance_sampling_clip_max", 3.0, 0, {}, "one numeric path"),
       real("vllm_importance_sampling_clip_min", nullptr, 0, {}, "one numeric path"),
       real("vllm_importance_sampling_cap", nullptr, 0, {}, "one numeric path"),
       boolean("use_transformers_continuous_batching", false, "batching is always continuous"),
       object("transformers_continuous_batching_config", nullptr, "batching is always continuous"),
       boolean("use_transformers_paged", false, "batching is always continuous"),
       string("cache_implementation", nullptr, "the engine has its own cache"),
       boolean("ds3_gather_for_generation", true, "weights are whole in every process"),
       boolean("disable_dropout", false, "adapters train without dropout here"),
       boolean("cast_lm_head_to_fp32", false, "log-probs are always fp32"),
       boolean("log_completions", false, "set sample_prompts"),
       boolean("log_multimodal", true, "text only"),
       boolean("log_unique_prompts", false, "set sample_prompts"),
       integer("num_completions_to_print", nullptr, 1, "set sample_prompts"),
       string("log_completions_hub_repo", nullptr, "nothing is uploaded")});
  std::vector<Option> refused = with_effect(
      Effect::kRefused,
      {object("generation_kwargs", nullptr, "use the options of the same names directly"),
       object("chat_template_kwargs", nullptr, "write chat_template_kwargs into the rows"),
       string("vllm_structured_outputs_regex", nullptr, "answers are sampled freely"),
       boolean("sync_ref_model", false, "the reference stays what the run started from"),
       real("ref_model_mixup_alpha", 0.6, 0, 1, "the reference stays what the run started from"),
       integer("ref_model_sync_steps", 512, 1, "the reference stays what the run started from")});
  ignored.insert(ignored.end(), refused.begin(), refused.end());
  return with_source("TRL", std::move(ignored));
}

}  // namespace attune::recipes
