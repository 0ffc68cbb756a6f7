#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

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
      {choice("eval_strategy", "no", {"no", "steps", "epoch"}, "when to evaluate"),
       real("eval_steps", nullptr, 0, {},
            "steps between evaluations (below 1: a share of all steps); default logging_steps"),
       boolean("eval_on_start", false, "evaluate before the first step"),
       real("eval_delay", 0, 0, {}, "no evaluation before this step or epoch"),
       integer("per_device_eval_batch_size", 8, 1, "rows of an evaluation pass"),
       choice("save_strategy", "steps", {"no", "steps", "epoch", "best"},
              "when to write a checkpoint"),
       real("save_steps", 500, 0, {}, "steps between checkpoints (below 1: a share of all steps)"),
       integer("save_total_limit", nullptr, 1, "how many checkpoints to keep; the best one stays"),
       boolean("save_only_model", false, "checkpoints without optimiser state (no resume)"),
       boolean("load_best_model_at_end", false, "final/ is the best checkpoint, not the last"),
       string("metric_for_best_model", nullptr, "metric that ranks checkpoints; default eval_loss"),
       boolean("greater_is_better", false, "whether a larger metric is better"),
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
            nullable(integer("max_length", 1024, 1, "longest row in tokens; none for no limit")),
            boolean("shuffle_dataset", false, "shuffle the rows once before training"),
            string("chat_template_path", nullptr, "Jinja file that replaces the template"),
            string("eos_token", nullptr, "end-of-sequence token in place of the model's"),
            string("pad_token", nullptr, "kept for the saved tokenizer; nothing is padded")}),
       with_source("Attune",
                   {texts("eval_dataset_name", nullptr, "files to evaluate on, instead of a split"),
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
  return join(
      {with_source(
           "TRL",
           {string("model_name_or_path", nullptr,
                   "Hugging Face folder, GGUF file, PEFT folder or owner/name"),
            string("model_revision", "main", "branch, tag or commit of a hub model"),
            choice("dtype", "float32", {"auto", "float32", "bfloat16", "float16"},
                   "precision of weights and activations; float32 where the CPU has no faster"),
            boolean("use_peft", false, "train LoRA adapters instead of all weights"),
            integer("lora_r", 16, 1, "LoRA rank"),
            real("lora_alpha", 32, 0, {}, "LoRA scale numerator"),
            real("lora_dropout", 0.05, 0, 0.99, "dropout on the adapters' input"),
            list("lora_target_modules", nullptr, "linear layers to adapt; default all-linear"),
            list("lora_modules_to_save", nullptr, "layers trained in full and saved beside LoRA"),
            boolean("use_rslora", false, "scale by 1/sqrt(r) instead of 1/r (arXiv 2312.03732)"),
            boolean("load_in_8bit", false, "same as quantize: q8_0"),
            boolean("load_in_4bit", false, "same as quantize: q4_0")}),
       with_source("Transformers",
                   {boolean("bf16", false, "bfloat16 where the hardware has it, else float32"),
                    boolean("gradient_checkpointing", true,
                            "allow recomputing activations when memory is short"),
                    integer("seed", 42, 0, "seed of initialisation, order and dropout"),
                    integer("data_seed", nullptr, 0, "seed of the row order; default seed")}),
       {quantize, choice("recompute", "auto", {"auto", "always", "never"},
                         "recompute activations in the backward pass")}});
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
            object("lr_scheduler_kwargs", nullptr, "min_lr_rate or num_cycles of the schedule"),
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
       with_source("Attune",
                   {texts("sample_prompts", nullptr, "prompts answered at every evaluation"),
                    integer("sample_max_new_tokens", 128, 1, "length of these answers"),
                    integer("threads", nullptr, 1, "CPU threads; default all cores")})});
}

std::vector<Option> published_options() {
  std::vector<Option> ignored = {
      string("attn_implementation", nullptr, "the engine has its own attention"),
      list("report_to", nullptr,
           "TensorBoard files, events.jsonl and report.html are always written"),
      boolean("push_to_hub", false, "nothing is uploaded; publish final/ yourself"),
      string("hub_model_id", nullptr, "nothing is uploaded"),
      string("hub_strategy", "every_save", "nothing is uploaded"),
      boolean("hub_private_repo", false, "nothing is uploaded"),
      string("hub_token", nullptr, "downloads use HF_TOKEN"),
      object("gradient_checkpointing_kwargs", nullptr, "recompute needs no options"),
      boolean("tf32", false, "a GPU setting of another library"),
      boolean("fp16", false, "runs in float32, or bfloat16 where the hardware has it"),
      boolean("use_liger_kernel", false, "the engine's kernels are fused already"),
      boolean("torch_compile", false, "there is no Python to compile"),
      boolean("padding_free", false, "nothing is ever padded"),
      string("pad_to_multiple_of", "auto", "nothing is ever padded"),
      integer("dataset_num_proc", nullptr, 1, "reading is fast enough"),
      integer("dataloader_num_workers", 0, 0, "reading is fast enough"),
      boolean("dataloader_pin_memory", true, "not needed"),
      boolean("remove_unused_columns", true, "unused columns are kept out of training anyway"),
      boolean("dataset_streaming", false, "rows are read once"),
      string("ddp_timeout", "1800", "one process"),
      boolean("ddp_find_unused_parameters", false, "one process"),
      string("log_level", "passive", "set ATTUNE_LOG"),
      boolean("disable_tqdm", false, "progress is shown on terminals only"),
      boolean("do_eval", false, "set eval_strategy"),
      boolean("do_train", false, "training is what this command does"),
      boolean("trust_remote_code", false, "no code of a model folder is ever run"),
      boolean("use_cpu", false, "the device is chosen by what is there"),
      string("lora_task_type", "CAUSAL_LM", "follows from the trainer"),
      string("bnb_4bit_quant_type", "nf4", "4-bit blocks are GGUF's Q4_0"),
      string("bnb_4bit_compute_dtype", nullptr, "follows dtype"),
      boolean("use_bnb_nested_quant", false, "4-bit blocks are GGUF's Q4_0"),
      string("logging_strategy", "steps", "every step is logged to events.jsonl"),
      string("logging_dir", nullptr, "TensorBoard files lie in output_dir"),
      string("include_num_input_tokens_seen", "no", "tokens are always counted"),
      boolean("full_determinism", false, "one thread gives the same bits; set threads: 1"),
      boolean("use_cache", false, "training keeps no cache"),
      boolean("group_by_length", false, "set train_sampling_strategy: group_by_length"),
      string("deepspeed", nullptr, "one process"),
      string("fsdp", nullptr, "one process"),
  };
  std::vector<Option> refused = {
      boolean("use_dora", false, "DoRA is not implemented; use LoRA or rsLoRA"),
      list("lora_target_parameters", nullptr, "only linear layers can carry LoRA"),
      real("neftune_noise_alpha", nullptr, 0, {}, "noise on embeddings is not implemented"),
      real("label_smoothing_factor", 0.0, 0, 1, "label smoothing of SFT is not implemented"),
      object("model_init_kwargs", nullptr, "use the options of the same names directly"),
      object("dataset_kwargs", nullptr, "use the options of the same names directly"),
      boolean("auto_find_batch_size", false, "set max_tokens_per_batch; results stay the same"),
      string("optim_args", nullptr, "set adam_beta1, adam_beta2 and adam_epsilon"),
  };
  return join({with_source("TRL", with_effect(Effect::kNoEffect, ignored)),
               with_source("TRL", with_effect(Effect::kRefused, refused))});
}

}  // namespace attune::recipes
