#include "engine/train/training_model.h"

#include "base/file.h"
#include "base/log.h"
#include "engine/models/decoder_config.h"
#include "engine/models/score_head.h"

namespace attune::engine::train {
namespace {

struct ModelChoice {
  bool use_peft = false;
  std::string quantize;  // as models::LoadOptions
  PrecisionRequest precision = PrecisionRequest::kFp32;
};

Result<ModelChoice> read_choice(const Json& config) {
  ModelChoice choice;
  choice.use_peft = TRY(get_bool_or(config, "use_peft", false));
  choice.quantize = TRY(read_quantize(config));
  if (!choice.quantize.empty() && !choice.use_peft) {
    return invalid_input(
        "quantize: {} keeps the weights frozen; set use_peft: true to train LoRA over them",
        choice.quantize);
  }
  const std::string dtype = TRY(get_string_or(config, "dtype", "float32"));
  if (dtype == "auto") choice.precision = PrecisionRequest::kAuto;
  if (dtype == "bfloat16" || dtype == "float16" || TRY(get_bool_or(config, "bf16", false))) {
    choice.precision = PrecisionRequest::kBf16;
  }
  return choice;
}

// Full tuning keeps fp32 weights: in bf16 a step of 2e-5 would round away.
Result<at::ScalarType> choose_dtype(const ModelChoice& choice, at::Device device,
                                    const std::string& planned,
                                    const models::DecoderConfig& config) {
  if (planned == "float32") return at::kFloat;
  if (planned == "bfloat16") return at::kBFloat16;
  if (choice.precision == PrecisionRequest::kFp32) return at::kFloat;
  if (!choice.use_peft) {
    if (choice.precision == PrecisionRequest::kBf16) {
      log_warning("dtype: full tuning runs in float32 here (bfloat16 weights would lose updates)");
    }
    return at::kFloat;
  }
  if (!device.is_cpu()) return at::kBFloat16;  // every GPU that LibTorch still supports has it
  const PrecisionPlan plan = choose_precision(
      choice.precision,
      {{1024, config.width, config.feed_forward}, {1024, config.width, config.width}});
  if (choice.precision == PrecisionRequest::kBf16 && plan.compute != at::kBFloat16) {
    log_warning("dtype: running in float32 ({})", plan.reason);
  }
  return plan.compute;
}

Result<std::vector<std::string>> text_list(const Json& config, const char* key) {
  std::vector<std::string> texts;
  const Json* list = find(config, key);
  if (list == nullptr) return texts;
  if (list->is_string()) return std::vector<std::string>{list->get<std::string>()};
  for (const Json& entry : *list) {
    if (!entry.is_string()) return invalid_input("{}: must be a list of names", key);
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

Status check_modules_to_save(const Json& config, ModelRole role) {
  for (const std::string& module : TRY(text_list(config, "lora_modules_to_save"))) {
    if (role == ModelRole::kRewardModel && module == "score") continue;  // always done
    return unsupported(
        "lora_modules_to_save: training whole layers beside LoRA is not available but for the "
        "score head of a reward model; leave out {}",
        module);
  }
  return {};
}

// The base as PEFT names it: a path, or a hub model's owner/name with the revision beside it.
Status name_base(const Json& config, const std::string& base, weights::LoraConfig* lora) {
  std::string name = TRY(get_string_or(config, "model_name_or_path", base));
  if (!exists(name)) {
    lora->revision = TRY(get_string_or(config, "model_revision", ""));
    const size_t at = name.find('@');
    if (at != std::string::npos) {  // it wins over the option, as when it was downloaded
      lora->revision = name.substr(at + 1);
      name.resize(at);
    }
    if (lora->revision == "main") lora->revision.clear();
  }
  lora->base_model_name_or_path = name;
  return {};
}

}  // namespace

Result<std::string> read_quantize(const Json& config) {
  std::string quantize = TRY(get_string_or(config, "quantize", "none"));
  if (TRY(get_bool_or(config, "load_in_8bit", false))) quantize = "q8_0";
  if (TRY(get_bool_or(config, "load_in_4bit", false))) quantize = "q4_0";
  return quantize == "none" ? std::string() : quantize;
}

Result<weights::LoraConfig> read_lora(const Json& config, const std::string& base) {
  weights::LoraConfig lora;
  lora.r = TRY(get_int_or(config, "lora_r", 16));
  lora.lora_alpha = TRY(get_double_or(config, "lora_alpha", 32));
  lora.lora_dropout = TRY(get_double_or(config, "lora_dropout", 0.05));
  lora.use_rslora = TRY(get_bool_or(config, "use_rslora", false));
  lora.target_modules = TRY(text_list(config, "lora_target_modules"));
  if (lora.target_modules.empty()) lora.target_modules = {"all-linear"};
  TRY(name_base(config, base, &lora));
  return lora;
}

namespace {

Result<models::NewScoreHead> read_score_head(const Json& config) {
  const std::string init = TRY(get_string_or(config, "score_head_init", "normal"));
  if (init != "normal" && init != "zero") {
    return invalid_input("score_head_init: {} is unknown; use normal or zero", init);
  }
  const int64_t seed = TRY(get_int_or(config, "seed", 42));
  return models::NewScoreHead{static_cast<uint64_t>(seed), init == "zero"};
}

// The adapter that trains: a new one, or the job's to go on with.
Status make_adapter(const protocol::Job& job, ModelRole role, models::Decoder& decoder) {
  nn::Adapters& adapters = decoder.adapters();
  TRY(check_modules_to_save(job.config, role));
  if (job.adapter.empty()) {
    const weights::LoraConfig lora = TRY(read_lora(job.config, job.model));
    const int64_t seed = TRY(get_int_or(job.config, "seed", 42));
    TRY(adapters.create(kTrainedAdapter, lora, static_cast<uint64_t>(seed)));
  } else {
    TRY(adapters.load(kTrainedAdapter, job.adapter));
  }
  const bool scores = adapters.find(kTrainedAdapter)->whole.contains(models::kScoreWeight);
  if (role == ModelRole::kRewardModel && !scores) {
    const models::NewScoreHead head = TRY(read_score_head(job.config));
    TRY(models::add_score_head(decoder, kTrainedAdapter, head));
  }
  adapters.set_trainable(kTrainedAdapter, true);
  return {};
}

}  // namespace

int64_t TrainingModel::state_bytes() const {
  int64_t bytes = 0;
  for (const optim::NamedTensor& parameter : parameters) bytes += state_bytes_of(parameter);
  return bytes;
}

Result<TrainingModel> load_training_model(const protocol::Job& job,
                                          const weights::ModelFiles& files, at::Device device,
                                          const std::string& planned_dtype, ModelRole role) {
  const ModelChoice choice = TRY(read_choice(job.config));
  if (!job.adapter.empty() && !choice.use_peft) {
    return invalid_input(
        "{}: is an adapter; set use_peft: true to go on training it, or merge it first "
        "(attune model merge)",
        job.adapter);
  }
  const models::DecoderConfig config = TRY(models::decoder_config(files.config()));
  const at::ScalarType dtype = TRY(choose_dtype(choice, device, planned_dtype, config));
  TrainingModel model;
  model.dtype = dtype == at::kBFloat16 ? "bfloat16" : "float32";
  models::LoadOptions load{
      .dtype = dtype,
      .quantize = choice.quantize,
      .trainable = !choice.use_peft,
      .device = device};
  if (role == ModelRole::kRewardModel && !choice.use_peft) {
    load.score_head = TRY(read_score_head(job.config));
  }
  model.decoder = TRY(models::Decoder::load(files, load));
  std::vector<nn::Parameter> trained;
  if (choice.use_peft) {
    TRY(make_adapter(job, role, *model.decoder));
    trained = model.decoder->adapters().parameters(kTrainedAdapter);
    model.adapters = {kTrainedAdapter};
  } else {
    trained = model.decoder->parameters().trainable();
  }
  for (const nn::Parameter& parameter : trained) {
    model.parameters.push_back({parameter.name, parameter.tensor});
  }
  return model;
}

}  // namespace attune::engine::train
