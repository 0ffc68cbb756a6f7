#include "engine/train/on_policy/ppo_models.h"

#include <ATen/ops/zeros.h>

#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "engine/models/decoder_config.h"
#include "engine/models/reward_model.h"
#include "engine/models/score_head.h"
#include "engine/tensor/guarded.h"
#include "engine/train/model_output.h"
#include "engine/train/on_policy/frozen_policy.h"
#include "engine/train/on_policy/prompt_run.h"
#include "engine/train/tensor_file.h"
#include "weights/lora_files.h"
#include "weights/model_text.h"

namespace attune::engine::train {
namespace {

constexpr const char* kValueAdapter = "value";

enum class Source { kSeparate, kAdapter, kHead };

struct ValueChoice {
  Source source = Source::kSeparate;
  bool from_reward = false;
  weights::ModelPlace start;  // the reward model (from_reward), else the policy's
  double rate = 1;           // of the learning rate
  models::NewScoreHead head;
};

Result<Source> read_source(const Json& config, bool peft) {
  const std::string name =
      TRY(get_string_or(config, "value_source", peft ? "adapter" : "separate"));
  if (name == "separate") return Source::kSeparate;
  if (name == "head") return Source::kHead;
  if (name != "adapter") {
    return invalid_input("value_source: {} is unknown; use separate, adapter or head", name);
  }
  if (peft) return Source::kAdapter;
  return invalid_input(
      "value_source: adapter is a LoRA role on the policy's trunk, which must stay as it is; set "
      "use_peft: true, or value_source: separate or head");
}

// The first reward model of the run; nothing: rewards come from programs.
Result<std::optional<weights::ModelPlace>> first_reward_model(const Json& config,
                                                              const RewardHost& host) {
  const Json* paths = find(config, kRewardModelOption);
  if (paths == nullptr || (paths->is_array() && paths->empty())) {
    return std::optional<weights::ModelPlace>();
  }
  const Json& first = paths->is_array() ? paths->front() : *paths;
  if (!first.is_string()) return invalid_input("{}: must name folders", kRewardModelOption);
  return std::optional(TRY(reward_model_place(host, first.get<std::string>())));
}

// Whether the value can start from the reward model: it reads the policy's ids, and a role on the
// policy's trunk can only take over what was learnt on that trunk.
Status fits(const protocol::Job& job, const weights::ModelPlace& reward, Source source,
            const text::Tokenizer& policy) {
  std::error_code failed;  // a path that cannot be looked at is another one
  const bool same_trunk =
      !reward.adapter.empty() && std::filesystem::equivalent(reward.model, job.model, failed);
  if (source == Source::kHead || (source == Source::kAdapter && !same_trunk)) {
    return invalid_input(
        "value_init: from_rm: {} has other weights than the policy's trunk; use value_source: "
        "separate, or value_init: zero",
        reward.adapter.empty() ? reward.model : reward.adapter);
  }
  const auto files = TRY(weights::ModelFiles::open(reward.model));
  const weights::ModelText own = TRY(weights::load_model_text(files, reward.adapter));
  const int64_t rows = TRY(models::decoder_config(files.config())).vocabulary;
  const Status same = models::check_same_vocabulary(own.tokenizer, policy, rows);
  if (same.ok()) return {};
  return invalid_input("value_init: from_rm: {}: {}; or use value_init: zero", reward.model,
                       same.error().message());
}

// Whether from_rm is what was asked for, or the default where it fits.
Result<bool> starts_from_reward(const protocol::Job& job,
                                const std::optional<weights::ModelPlace>& reward, Source source,
                                const text::Tokenizer& policy) {
  const Status fitting =
      reward ? fits(job, *reward, source, policy)
             : invalid_input("value_init: from_rm needs a reward model; set {}",
                             kRewardModelOption);
  const bool possible = fitting.ok();
  if (reward && !possible && find(job.config, "value_init") == nullptr) {
    log_info("the value starts at zero: {}", fitting.error().message());
  }
  const std::string name =
      TRY(get_string_or(job.config, "value_init", possible ? "from_rm" : "zero"));
  if (name == "zero") return false;
  if (name != "from_rm") {
    return invalid_input("value_init: {} is unknown; use zero or from_rm", name);
  }
  if (!possible) return fitting.error();
  return true;
}

Result<ValueChoice> read_choice(const protocol::Job& job, const RewardHost& host,
                                const text::Tokenizer& policy) {
  ValueChoice choice;
  const bool peft = TRY(get_bool_or(job.config, "use_peft", false));
  choice.source = TRY(read_source(job.config, peft));
  const std::optional<weights::ModelPlace> reward = TRY(first_reward_model(job.config, host));
  choice.from_reward = TRY(starts_from_reward(job, reward, choice.source, policy));
  choice.start = choice.from_reward ? *reward : weights::ModelPlace{job.model, job.adapter};
  choice.head = {.seed = 0, .zero = true};
  if (find(job.config, "value_learning_rate") != nullptr) {
    const double own = TRY(get_double(job.config, "value_learning_rate"));
    const double of_policy = TRY(get_double_or(job.config, "learning_rate", 3e-6));
    if (of_policy > 0) choice.rate = own / of_policy;
  }
  return choice;
}

void add_parameters(const std::vector<nn::Parameter>& parameters, double rate, PpoRoles* roles) {
  for (const nn::Parameter& parameter : parameters) {
    roles->value_parameters.push_back({"value." + parameter.name, parameter.tensor, rate});
  }
}

// What a reward model says of its scores (reward_model.h) holds for no value that started from it.
Status without_normaliser(const std::string& folder) {
  const std::string path = join_path(folder, "config.json");
  Json config = TRY(read_json_file(path));
  if (config.erase(models::kNormaliserKey) == 0) return {};
  return write_json_file(path, config);
}

// A trunk of its own, trained in full; one that came as base and adapter trains the adapter.
Status load_separate(const ValueChoice& choice, TrainingRun& run, PpoModels* loaded) {
  auto files = TRY(weights::ModelFiles::open(choice.start.model));
  const bool adapter = !choice.start.adapter.empty();
  models::LoadOptions options;
  options.trainable = !adapter;
  options.device = run.device();
  options.score_head = choice.head;
  auto decoder = TRY(models::Decoder::load(files, options));
  PpoRoles& roles = loaded->roles;
  roles.value = {decoder.get(), {}};
  if (adapter) {
    TRY(decoder->adapters().load(kValueAdapter, choice.start.adapter));
    if (!choice.from_reward) TRY(models::add_score_head(*decoder, kValueAdapter, choice.head));
    decoder->adapters().set_trainable(kValueAdapter, true);
    roles.value.stack = {kValueAdapter};
    add_parameters(decoder->adapters().parameters(kValueAdapter), choice.rate, &roles);
  } else {
    add_parameters(decoder->parameters().trainable(), choice.rate, &roles);
  }
  const RunText text = run.text();
  loaded->save_value = [files, text, adapter,
                        decoder = decoder.get()](const std::string& run_directory) {
    const std::string folder = join_path(run_directory, "value");
    return adapter ? save_adapter_folder(folder, files, text, *decoder, kValueAdapter)
                   : save_model_folder(folder, files, text, *decoder, without_normaliser);
  };
  roles.owned.push_back(std::move(decoder));
  return {};
}

// A LoRA role with a score head on the policy's trunk.
Status load_adapter(const protocol::Job& job, const ValueChoice& choice, TrainingRun& run,
                    PpoModels* loaded) {
  models::Decoder& trunk = run.decoder();
  nn::Adapters& adapters = trunk.adapters();
  if (choice.from_reward) {
    TRY(adapters.load(kValueAdapter, choice.start.adapter));
  } else {
    weights::LoraConfig lora = TRY(read_lora(job.config, job.model));
    if (!job.adapter.empty()) {  // model_name_or_path is the policy's adapter, not the base
      const weights::LoraConfig& policy = adapters.find(run.adapters().front())->config;
      lora.base_model_name_or_path = policy.base_model_name_or_path;
      lora.revision = policy.revision;
    }
    const int64_t seed = TRY(get_int_or(job.config, "seed", 42));
    // Another draw of A than the policy's.
    TRY(adapters.create(kValueAdapter, lora, static_cast<uint64_t>(seed) + 1));
    TRY(models::add_score_head(trunk, kValueAdapter, choice.head));
  }
  adapters.set_trainable(kValueAdapter, true);
  loaded->roles.value = {&trunk, {kValueAdapter}};
  add_parameters(adapters.parameters(kValueAdapter), choice.rate, &loaded->roles);
  loaded->save_value = [&run](const std::string& run_directory) {
    return save_adapter_folder(join_path(run_directory, "value"), run.files(), run.text(),
                               run.decoder(), kValueAdapter);
  };
  return {};
}

void load_head(const ValueChoice& choice, TrainingRun& run, PpoModels* loaded) {
  PpoRoles& roles = loaded->roles;
  roles.value = roles.policy;
  roles.value_head = at::zeros({1, run.config().width},
                               at::TensorOptions(at::kFloat).device(run.device()))
                         .set_requires_grad(true);
  add_parameters({{models::kScoreWeight, roles.value_head}}, choice.rate, &roles);
  loaded->save_value = [head = roles.value_head](const std::string& run_directory) -> Status {
    const std::string folder = join_path(run_directory, "value");
    TRY(make_directories(folder));
    return save_tensors(join_path(folder, "value_head.safetensors"),
                        {{models::kScoreWeight, head.detach()}});
  };
}

}  // namespace

Result<PpoModels> load_ppo_models(const protocol::Job& job, TrainingRun& run) {
  const ValueChoice choice = TRY(read_choice(job, reward_host(job, run), run.text().tokenizer));
  PpoModels loaded{TRY(open_start(job, run)), {}, {}};
  loaded.roles.policy = {&run.decoder(), run.adapters()};
  loaded.roles.reference = {&loaded.reference.decoder(), loaded.reference.stack()};
  const auto load = [&]() -> Status {
    switch (choice.source) {
      case Source::kSeparate: return load_separate(choice, run, &loaded);
      case Source::kAdapter: return load_adapter(job, choice, run, &loaded);
      case Source::kHead: break;
    }
    load_head(choice, run, &loaded);
    return {};
  };
  TRY(run_guarded({"loading the value model", {}}, load));
  if (!loaded.roles.value_head.defined()) {
    loaded.roles.value_head =
        models::score_weight(*loaded.roles.value.decoder, loaded.roles.value.stack);
  }
  return loaded;
}

}  // namespace attune::engine::train
