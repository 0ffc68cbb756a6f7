// What published recipes contain besides the options that do something here.
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> of_kernels_and_memory() {
  return {
      string("attn_implementation", nullptr, "the engine has its own attention"),
      object("gradient_checkpointing_kwargs", nullptr, "recompute needs no options"),
      object("activation_checkpointing_kwargs", nullptr, "recompute needs no options"),
      boolean("activation_offloading", false, "recompute is what saves memory here"),
      integer("torch_empty_cache_steps", nullptr, 1, "memory is kept by an arena of its own"),
      boolean("fp16", false, "runs in float32; bf16: true asks for bfloat16"),
      boolean("bf16_full_eval", false, "evaluation runs in the precision of training"),
      boolean("fp16_full_eval", false, "evaluation runs in the precision of training"),
      boolean("use_liger_kernel", false, "the engine's kernels are fused already"),
      object("liger_kernel_config", nullptr, "the engine's kernels are fused already"),
      boolean("torch_compile", false, "there is no Python to compile"),
      string("torch_compile_backend", nullptr, "there is no Python to compile"),
      string("torch_compile_mode", nullptr, "there is no Python to compile"),
      boolean("padding_free", false, "nothing is ever padded"),
      string("pad_to_multiple_of", "auto", "nothing is ever padded"),
      integer("per_device_eval_batch_size", 8, 1,
              "evaluation passes are packed up to max_tokens_per_batch"),
      integer("eval_accumulation_steps", nullptr, 1, "evaluation keeps sums only"),
      boolean("use_cpu", false, "set device: cpu"),
      boolean("use_cache", false, "training keeps no cache"),
      boolean("full_determinism", false, "one thread gives the same bits; set threads: 1"),
      string("lora_task_type", "CAUSAL_LM", "follows from the trainer"),
      string("bnb_4bit_quant_type", "nf4", "4-bit blocks are GGUF's Q4_0"),
      string("bnb_4bit_compute_dtype", nullptr, "follows dtype"),
      string("bnb_4bit_quant_storage", nullptr, "4-bit blocks are GGUF's Q4_0"),
      also(boolean("use_bnb_nested_quant", false, "4-bit blocks are GGUF's Q4_0"),
           {"bnb_4bit_use_double_quant"}),
      boolean("trust_remote_code", false, "no code of a model folder is ever run"),
  };
}

std::vector<Option> of_hub_and_logs() {
  return {
      list("report_to", nullptr,
           "TensorBoard files, events.jsonl and report.html are always written"),
      boolean("push_to_hub", false, "nothing is uploaded; publish final/ yourself"),
      string("hub_model_id", nullptr, "nothing is uploaded"),
      string("hub_model_revision", nullptr, "nothing is uploaded"),
      string("hub_revision", nullptr, "nothing is uploaded"),
      string("hub_strategy", "every_save", "nothing is uploaded"),
      boolean("hub_private_repo", false, "nothing is uploaded"),
      boolean("hub_always_push", false, "nothing is uploaded"),
      string("hub_token", nullptr, "downloads use HF_TOKEN"),
      string("log_level", "passive", "set ATTUNE_LOG"),
      string("log_level_replica", "warning", "the first process speaks for all"),
      boolean("log_on_each_node", true, "the first process speaks for all"),
      boolean("disable_tqdm", false, "progress is shown on terminals only"),
      string("logging_strategy", "steps", "every step is logged to events.jsonl"),
      string("logging_dir", nullptr, "TensorBoard files lie in output_dir"),
      boolean("logging_nan_inf_filter", true, "a loss that is no number stops the run"),
      string("include_num_input_tokens_seen", "no", "tokens are always counted"),
      boolean("include_tokens_per_second", false, "tokens and seconds are in events.jsonl"),
      boolean("prediction_loss_only", false, "evaluation measures loss, accuracy and entropy"),
      list("include_for_metrics", nullptr, "evaluation measures loss, accuracy and entropy"),
      boolean("batch_eval_metrics", false, "evaluation keeps sums only"),
      boolean("skip_memory_metrics", true, "memory is in the log lines"),
      string("project", "huggingface", "nothing is sent to a tracker"),
      string("trackio_space_id", nullptr, "nothing is sent to a tracker"),
      string("trackio_bucket_id", nullptr, "nothing is sent to a tracker"),
      string("trackio_static_space_id", nullptr, "nothing is sent to a tracker"),
      string("wandb_project", nullptr, "nothing is sent to a tracker"),
      string("wandb_entity", nullptr, "nothing is sent to a tracker"),
      string("wandb_run_group", nullptr, "nothing is sent to a tracker"),
      boolean("save_safetensors", true, "weights are always safetensors"),
      boolean("save_on_each_node", false, "the first process writes the run directory"),
      boolean("enable_jit_checkpoint", false, "SIGTERM always leaves a checkpoint"),
      boolean("restore_callback_states_from_checkpoint", false, "all state is restored"),
      string("debug", "", "a setting of another library"),
  };
}

std::vector<Option> of_data_and_processes() {
  return {
      also(integer("dataset_num_proc", nullptr, 1, "reading is fast enough"),
           {"preprocessing_num_workers"}),
      integer("dataset_batch_size", nullptr, 1, "reading is fast enough"),
      integer("dataloader_num_workers", 0, 0, "reading is fast enough"),
      boolean("dataloader_pin_memory", true, "not needed"),
      boolean("dataloader_persistent_workers", false, "not needed"),
      integer("dataloader_prefetch_factor", nullptr, 1, "not needed"),
      string("dataloader_multiprocessing_context", nullptr, "not needed"),
      boolean("dataloader_in_order", true, "rows always come in order"),
      boolean("remove_unused_columns", true, "unused columns are kept out of training anyway"),
      list("label_names", nullptr, "the trainer knows its labels"),
      string("length_column_name", "length", "lengths are counted"),
      also(boolean("dataset_streaming", false, "rows are read once"), {"streaming"}),
      boolean("do_train", false, "training is what this command does"),
      boolean("do_eval", false, "set eval_strategy"),
      boolean("do_predict", false, "attune generate answers prompts"),
      boolean("ignore_bias_buffers", false, "models here have no buffers to share"),
      boolean("average_tokens_across_devices", true, "a step's loss is always over all its tokens"),
      boolean("eval_do_concat_batches", true, "evaluation keeps sums only"),
      boolean("eval_use_gather_object", false, "evaluation keeps sums only"),
      string("ddp_timeout", "1800", "processes wait for each other; one that dies ends the run"),
      string("ddp_backend", nullptr, "MPI between CPUs, NCCL between GPUs; set num_processes"),
      integer("ddp_bucket_cap_mb", nullptr, 1, "the engine cuts its own buckets"),
      boolean("ddp_broadcast_buffers", false, "models here have no buffers to share"),
      boolean("ddp_static_graph", false, "gradients are summed as they become ready"),
      boolean("ddp_find_unused_parameters", false, "a parameter without a gradient counts as zero"),
      string("local_rank", "-1", "set num_processes, or start the engine under mpirun"),
      string("deepspeed", nullptr, "set num_processes: optimiser state is shared out among them"),
      string("fsdp", nullptr, "set num_processes: optimiser state is shared out among them"),
      object("fsdp_config", nullptr, "weights are whole in every process"),
      object("accelerator_config", nullptr, "a setting of another library"),
      object("parallelism_config", nullptr, "processes share data: set num_processes"),
      real("router_aux_loss_coef", 0.001, 0, {}, "only models with experts have it"),
  };
}

// Ignoring these would change what is trained.
std::vector<Option> refused_options() {
  return {
      boolean("use_dora", false, "DoRA is not implemented; use LoRA or rsLoRA"),
      list("lora_target_parameters", nullptr, "only linear layers can carry LoRA"),
      real("neftune_noise_alpha", nullptr, 0, {}, "noise on embeddings is not implemented"),
      real("label_smoothing_factor", 0.0, 0, 1, "label smoothing of SFT is not implemented"),
      object("model_init_kwargs", nullptr, "use the options of the same names directly"),
      object("dataset_kwargs", nullptr, "use the options of the same names directly"),
      list("datasets", nullptr, "give several data sets as dataset_name: [a, b]"),
      real("test_split_size", nullptr, 0, {}, "set eval_fraction"),
      boolean("auto_find_batch_size", false, "set max_tokens_per_batch; results stay the same"),
      boolean("ignore_data_skip", false, "a resumed run goes on where it stopped"),
      string("optim_args", nullptr, "set adam_beta1, adam_beta2 and adam_epsilon"),
      list("optim_target_modules", nullptr, "GaLore and its kin are not implemented"),
      string("system_prompt", nullptr, "write the system turn into the rows"),
      string("tokenizer_name_or_path", nullptr, "the tokenizer is the model's"),
  };
}

}  // namespace

std::vector<Option> published_options() {
  std::vector<Option> all;
  for (std::vector<Option> group :
       {of_kernels_and_memory(), of_hub_and_logs(), of_data_and_processes()}) {
    for (Option& option : with_effect(Effect::kNoEffect, std::move(group))) all.push_back(option);
  }
  for (Option& option : with_effect(Effect::kRefused, refused_options())) all.push_back(option);
  return with_source("TRL", std::move(all));
}

}  // namespace attune::recipes
