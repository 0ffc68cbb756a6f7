#include "recipes/training_options.h"

#include "base/check.h"

namespace attune::recipes {
namespace {

// Left open, so that the data or another option decides.
Option unset(Option option) {
  option.fallback = nullptr;
  return option;
}

std::vector<Option> join(std::vector<std::vector<Option>> groups) {
  std::vector<Option> all;
  for (std::vector<Option>& group : groups) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

std::vector<Option> evaluation_options() {
  return with_source(
      "Transformers",
      {also(choice("eval_strategy", "no", {"no", "steps", "epoch"}, "when to evaluate"),
            {"evaluation_strategy"}),
       real("eval_steps", nullptr, 0, {},
            "steps between evaluations (below 1: a share of all steps); default logging_steps"),
       boolean("eval_on_start", false, "evaluate before the first step"),
       real("eval_delay", 0, 0, {}, "no evaluation before this step or epoch"),
       choice("save_strategy", "steps", {"no", "steps", "epoch", "best"},
              "when to write a checkpoint"),
       real("save_steps", 500, 0, {}, "steps between checkpoints (below 1: a share of all steps)"),
       integer("save_total_limit", nullptr, 1, "how many checkpoints to keep; the best one stays"),
       boolean("save_only_model", false, "checkpoints without optimiser state (no resume)"),
       boolean("load_best_model_at_end", false, "final/ is the best checkpoint, not the last"),
       string("metric_for_best_model", nullptr, "metric that ranks checkpoints; default eval_loss"),
       unset(boolean("greater_is_better", false,
                     "whether a larger metric is better; unset: all but losses")),
       integer("early_stopping_patience", nullptr, 1,
               "stop after so many evaluations without a better metric"),
       real("early_stopping_threshold", 0.0, 0, {}, "how much better counts as better")});
}

}  // namespace

std::vector<Option> data_options() {
  return join(
      {with_source(
           "TRL",
           {texts("dataset_name", nullptr, "files, folders or owner/name on the hub"),
            string("dataset_config", nullptr, "configuration (folder) of a hub data set"),
            string("dataset_train_split", "train", "split to train on"),
            string("dataset_test_split", "test", "split to evaluate on"),
            string("dataset_text_field", "text", "column of plain text"),
            also(nullable(integer("max_length", 1024, 1,
                                  "longest row in tokens; none for no limit")),
                 {"max_seq_length"}),
            boolean("shuffle_dataset", false, "shuffle the rows once before training"),
            string("chat_template_path", nullptr, "Jinja file that replaces the template"),
            string("eos_token", nullptr, "end-of-sequence token in place of the model's"),
            string("pad_token", nullptr, "written to the saved tokenizer; nothing is padded")}),
       with_source("Attune",
                   {string("chat_template", nullptr, "Jinja text that replaces the template"),
                    texts("eval_dataset_name", nullptr, "files to evaluate on, instead of a split"),
                    real("eval_fraction", 0.0, 0, 0.9,
                         "share of the training rows held out when there is no evaluation split"),
                    integer("max_train_rows", nullptr, 1, "read at most so many training rows"),
                    boolean("allow_skipped_rows", false,
                            "go on when more than 5 % of the rows cannot be used")})});
}

std::vector<Option> model_options() {
  Option quantize =
      choice("quantize", "none", {"none", "q8_0", "q4_0", "q4_1", "native"},
             "keep the frozen base in blocks (LoRA only); native keeps a GGUF file's own");
  Option modules_to_save =
      list("lora_modules_to_save", nullptr, "no layer is trained in full beside LoRA");
  modules_to_save.effect = Effect::kRefused;
  return join(
      {with_source(
           "TRL",
           {string("model_name_or_path", nullptr,
                   "Hugging Face folder, GGUF file, PEFT folder or owner/name"),
            string("model_revision", "main", "branch, tag or commit of a hub model"),
            also(choice("dtype", "float32", {"auto", "float32", "bfloat16", "float16"},
                        "precision of weights and activations; float32 where no other is faster"),
                 {"torch_dtype"}),
            boolean("use_peft", false, "train LoRA adapters instead of all weights"),
            integer("lora_r", 16, 1, "LoRA rank"),
            real("lora_alpha", 32, 0, {}, "LoRA scale numerator"),
            real("lora_dropout", 0.05, 0, 0.99, "dropout on the adapters' input"),
            list("lora_target_modules", nullptr, "linear layers to adapt; default all-linear"),
            modules_to_save,
            boolean("use_rslora", false, "scale by 1/sqrt(r) instead of 1/r (arXiv 2312.03732)"),
            boolean("load_in_8bit", false, "same as quantize: q8_0"),
            boolean("load_in_4bit", false, "same as quantize: q4_0")}),
       with_source("Transformers",
                   {boolean("bf16", false, "bfloat16 where the hardware has it, else float32"),
                    boolean("tf32", false, "float32 products in TensorFloat-32 on a GPU"),
                    also(boolean("gradient_checkpointing", true,
                                 "allow recomputing activations when memory is short"),
                         {"activation_checkpointing"}),
                    integer("seed", 42, 0, "seed of initialisation, order and dropout"),
                    integer("data_seed", nullptr, 0, "seed of the row order; default seed")}),
       {quantize,
        choice("recompute", "auto", {"auto", "always", "never"},
               "recompute activations in the backward pass"),
        string("device", "auto",
               "cpu, cuda or cuda:<number>; auto takes the first GPU that LibTorch sees")}});
}

std::vector<Option> optimizer_options() {
  const std::vector<std::string> schedules = {"linear", "cosine", "constant",
                                              "constant_with_warmup", "cosine_with_min_lr"};
  const std::vector<std::string> optimizers = {
      "adamw_torch",       "adamw_torch_fused", "adamw_hf", "adamw_8bit", "paged_adamw_8bit",
      "paged_adamw_32bit", "adamw_bnb_8bit",    "sgd",      "rmsprop"};
  return join(
      {with_source(
           "Transformers",
           {integer("per_device_train_batch_size", 8, 1, "rows of a forward pass and device"),
            integer("gradient_accumulation_steps", 1, 1, "passes of one optimiser step"),
            real("num_train_epochs", 3.0, 0, {}, "times through the data"),
            integer("max_steps", -1, -1, "optimiser steps; overrides num_train_epochs"),
            real("learning_rate", 2e-5, 0, {}, "peak learning rate"),
            choice("lr_scheduler_type", "linear", schedules, "how the learning rate falls"),
            object("lr_scheduler_kwargs", nullptr, "min_lr_rate or min_lr of cosine_with_min_lr"),
            real("warmup_steps", 0, 0, {}, "warm-up steps (below 1: a share of all steps)"),
            real("warmup_ratio", 0.0, 0, 1, "older name: warm-up as a share of all steps"),
            choice("optim", "adamw_torch_fused", optimizers,
                   "optimiser; the 8-bit and paged names run as fp32 AdamW"),
            real("weight_decay", 0.0, 0, {}, "decoupled decay; not on norms and biases"),
            real("adam_beta1", 0.9, 0, 1, "AdamW beta 1"),
            real("adam_beta2", 0.999, 0, 1, "AdamW beta 2"),
            real("adam_epsilon", 1e-8, 0, {}, "AdamW epsilon"),
            real("max_grad_norm", 1.0, 0, {}, "clip to this global norm; 0 for none"),
            choice("train_sampling_strategy", "random", {"random", "sequential", "group_by_length"},
                   "order of the rows"),
            boolean("group_by_length", false,
                    "older name of train_sampling_strategy: group_by_length"),
            boolean("dataloader_drop_last", false, "drop the last incomplete batch of an epoch")}),
       with_source("Attune", {integer("max_tokens_per_batch", nullptr, 1,
                                      "cut passes to so many packed tokens (memory only)"),
                              integer("tokens_per_step", nullptr, 1,
                                      "fill every optimiser step with so many tokens")})});
}

std::vector<Option> run_options() {
  return join(
      {with_source(
           "Transformers",
           {string("output_dir", nullptr, "the run directory"),
            boolean("overwrite_output_dir", false, "start anew in a directory that has a run"),
            string("resume_from_checkpoint", nullptr, "true, or a checkpoint's folder"),
            real("logging_steps", 10, 0, {}, "steps between log lines"),
            boolean("logging_first_step", false, "log the first step too"),
            string("run_name", nullptr, "name in the report")}),
       evaluation_options(),
       with_source("Accelerate",
                   {integer("num_processes", 1, 1,
                            "processes that train together, each on a batch of its own (mpirun)")}),
       with_source("Attune",
                   {texts("sample_prompts", nullptr, "prompts answered at every evaluation"),
                    integer("sample_max_new_tokens", 128, 1, "length of these answers"),
                    integer("threads", nullptr, 1, "CPU threads; default all cores")})});
}

Recipe training_recipe(std::string name, std::string text, std::vector<Option> own) {
  Recipe recipe;
  recipe.command = "attune train " + name;
  recipe.name = std::move(name);
  recipe.text = std::move(text);
  recipe.options = join({data_options(), std::move(own), model_options(), optimizer_options(),
                         run_options(), published_options()});
  return recipe;
}

void set_default(Recipe& recipe, std::string_view option, Json fallback) {
  for (Option& known : recipe.options) {
    if (known.name != option) continue;
    known.fallback = std::move(fallback);
    return;
  }
  CHECK(false, "{} has no option {}", recipe.name, option);
}

}  // namespace attune::recipes
