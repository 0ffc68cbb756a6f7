// Options that methods which learn from judged answers share.
#include "recipes/training_options.h"

namespace attune::recipes {

std::vector<Option> reference_options() {
  std::vector<Option> options = with_source(
      "TRL",
      {boolean("precompute_ref_log_probs", false,
               "the reference is always asked once, before the first step; true refuses "
               "sync_ref_model"),
       boolean("disable_dropout", true, "no dropout of adapters while training")});
  options.push_back(string("ref_model_name_or_path", nullptr,
                           "another model as reference; default: what the run starts from"));
  return options;
}

std::vector<Option> pair_options() {
  return {choice("ranking_pairs", "all",
                 {"all", "adjacent", "best_vs_rest", "best_vs_worst", "best_vs_random"},
                 "which pairs a ranking gives"),
          choice("ranking_ties", "skip", {"skip", "half"},
                 "tied answers give no pair, or one of probability 0.5")};
}

std::vector<Option> comparison_options() {
  return {choice("contradictory_rows", "skip", {"skip", "keep"},
                 "rows by one annotator, or by nobody named, that say the opposite of each other: "
                 "leave all of them out, or train on them")};
}

std::vector<Option> published_preference_options() {
  std::vector<Option> unneeded = with_effect(
      Effect::kNoEffect,
      {integer("precompute_ref_batch_size", nullptr, 1,
               "the reference's passes are packed up to max_tokens_per_batch"),
       boolean("generate_during_eval", false, "set sample_prompts"),
       boolean("is_encoder_decoder", false, "models here are decoders"),
       integer("label_pad_token_id", -100, {}, "nothing is padded"),
       integer("padding_value", nullptr, {}, "nothing is padded"),
       boolean("use_logits_to_keep", false, "only the tokens of completions are ever projected"),
       boolean("use_num_logits_to_keep", false,
               "only the tokens of completions are ever projected"),
       string("model_adapter_name", nullptr, "the adapter that trains is the run's own"),
       string("ref_adapter_name", nullptr,
              "an adapter that goes on training is its own reference as it was"),
       boolean("force_use_ref_model", false, "set ref_model_name_or_path"),
       string("base_model_attribute_name", "model", "a setting of another library")});
  std::vector<Option> refused = with_effect(
      Effect::kRefused,
      {integer("max_prompt_length", nullptr, 1,
               "max_length cuts prompt and completion together, as TRL's DPO does; shorten the "
               "prompts in the data"),
       integer("max_completion_length", nullptr, 1,
               "max_length cuts prompt and completion together, as TRL's DPO does"),
       integer("max_target_length", nullptr, 1, "models here are decoders"),
       object("ref_model_init_kwargs", nullptr, "the reference loads as the model does"),
       list("tools", nullptr, "write the tools into the rows")});
  unneeded.insert(unneeded.end(), refused.begin(), refused.end());
  return with_source("TRL", std::move(unneeded));
}

}  // namespace attune::recipes
