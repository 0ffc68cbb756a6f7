#include "engine/serve/served_model.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "engine/tensor/arena.h"
#include "engine/tensor/device.h"
#include "engine/tensor/guarded.h"
#include "engine/tensor/precision.h"
#include "engine/tensor/threads.h"
#include "weights/lora_files.h"
#include "weights/model_files.h"

namespace attune::engine::serve {
namespace {

struct NamedAdapter {
  std::string name;
  std::string folder;
};

NamedAdapter name_adapter(const std::string& given) {
  const size_t equals = given.find('=');
  if (equals != std::string::npos) return {given.substr(0, equals), given.substr(equals + 1)};
  std::filesystem::path path(given);
  if (!path.has_filename()) path = path.parent_path();
  return {path.filename().string(), given};
}

// An adapter folder given as the model stands for its base with itself on top.
Result<std::string> resolve_base(const std::string& path, std::vector<NamedAdapter>* adapters) {
  if (!weights::is_lora_folder(path)) return path;
  std::string base = TRY(weights::local_base_of(path));
  adapters->insert(adapters->begin(), name_adapter(path));
  return base;
}

// Blocks have kernels on the CPU alone, so "auto" serves them there.
Result<at::Device> serving_device(const ServeOptions& options) {
  if (options.device == "auto" && options.quantize != "none") return at::Device(at::kCPU);
  return parse_device(options.device);
}

Result<at::ScalarType> scalar_type(const std::string& dtype, at::Device device) {
  PrecisionRequest request = PrecisionRequest::kFp32;
  if (dtype == "auto") {
    request = PrecisionRequest::kAuto;
  } else if (dtype == "bfloat16" || dtype == "bf16") {
    request = PrecisionRequest::kBf16;
  } else if (dtype != "float32" && dtype != "fp32") {
    return usage_error("--dtype {} is unknown; use float32, bfloat16 or auto", dtype);
  }
  // Every GPU that LibTorch still supports has bf16; what a CPU has is measured.
  if (!device.is_cpu()) {
    return request == PrecisionRequest::kFp32 ? at::kFloat : at::kBFloat16;
  }
  const PrecisionPlan plan = choose_precision(request, {});
  if (request != PrecisionRequest::kFp32) log_info("{}", plan.summary());
  return plan.compute;
}

Result<std::string> template_source(const ServeOptions& options, const weights::ModelFiles& files) {
  if (options.chat_template_path.empty()) return files.chat_template();
  return read_file(options.chat_template_path);
}

}  // namespace

Result<ServeOptions> parse_serve_options(const std::vector<std::string>& arguments) {
  ServeOptions options;
  std::string threads = "0";
  std::map<std::string, std::string*> texts{
      {"socket", &options.socket}, {"model_name_or_path", &options.model_name_or_path},
      {"quantize", &options.quantize}, {"dtype", &options.dtype},
      {"device", &options.device}, {"threads", &threads},
      {"chat_template_path", &options.chat_template_path}};
  std::vector<std::string> names{"adapter"};
  for (const auto& [name, value] : texts) names.push_back(name);
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i].starts_with("--") ? arguments[i].substr(2) : "";
    std::replace(name.begin(), name.end(), '-', '_');
    if (name != "adapter" && texts.count(name) == 0) {
      const std::string nearest = nearest_name(name, names);
      return usage_error("serve: {} is unknown{}", arguments[i],
                         nearest.empty() ? "" : "; did you mean --" + nearest);
    }
    if (i + 1 == arguments.size()) return usage_error("serve: {} lacks its value", arguments[i]);
    const std::string& value = arguments[++i];
    if (name == "adapter") {
      options.adapters.push_back(value);
    } else {
      *texts[name] = value;
    }
  }
  const auto [end, error] =
      std::from_chars(threads.data(), threads.data() + threads.size(), options.threads);
  if (error != std::errc() || end != threads.data() + threads.size() || options.threads < 0) {
    return usage_error("serve: --threads {} is no number of threads", threads);
  }
  if (options.socket.empty()) return usage_error("serve: --socket PATH is missing");
  if (options.model_name_or_path.empty()) {
    return usage_error("serve: --model_name_or_path is missing");
  }
  return options;
}

std::vector<int32_t> eos_ids_of(const Json& generation_config, std::optional<int32_t> fallback) {
  std::vector<int32_t> ids;
  if (const Json* eos = find(generation_config, "eos_token_id")) {
    for (const Json& id : eos->is_array() ? *eos : Json::array({*eos})) {
      if (id.is_number_integer()) ids.push_back(id.get<int32_t>());
    }
  }
  if (ids.empty() && fallback) ids.push_back(*fallback);
  return ids;
}

Result<std::vector<std::string>> ServedModel::stack(const std::string& adapter) const {
  if (adapter == "none") return std::vector<std::string>();
  if (adapter.empty()) {
    return adapters.empty() ? std::vector<std::string>() : std::vector<std::string>{adapters[0]};
  }
  if (std::find(adapters.begin(), adapters.end(), adapter) == adapters.end()) {
    return not_found("no adapter \"{}\" is loaded; start the engine with --adapter {}=FOLDER",
                     adapter, adapter);
  }
  return std::vector<std::string>{adapter};
}

models::RewardNormaliser ServedModel::normaliser(const std::vector<std::string>& stack) const {
  std::string owner;  // the last adapter with a score head, as models::score_weight
  for (const std::string& name : stack) {
    const nn::Adapter* adapter = decoder->adapters().find(name);
    if (adapter != nullptr && adapter->whole.contains(models::kScoreWeight)) owner = name;
  }
  const auto found = normalisers.find(owner);
  return found == normalisers.end() ? models::RewardNormaliser() : found->second;
}

Result<ServedModel> load_served_model(const ServeOptions& options) {
  const at::Device device = TRY(serving_device(options));
  set_compute_threads(static_cast<int>(options.threads));
  install_arena();  // weights in huge pages are read faster, and every step's tensors are re-used
  std::vector<NamedAdapter> adapters;
  for (const std::string& given : options.adapters) adapters.push_back(name_adapter(given));
  const std::string path = TRY(resolve_base(options.model_name_or_path, &adapters));
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(path));
  const text::Tokenizer tokenizer = TRY(weights::load_tokenizer(files));
  const std::string chat_template = TRY(template_source(options, files));
  models::LoadOptions load;
  load.device = device;
  load.dtype = TRY(scalar_type(options.dtype, device));
  load.quantize = options.quantize == "none" ? "" : options.quantize;
  ServedModel served{path,
                     TRY(run_guarded({"loading " + path, {}},
                                     [&] { return models::Decoder::load(files, load); })),
                     TRY(data::ExampleTokenizer::make(tokenizer, chat_template)),
                     eos_ids_of(files.generation_config(), tokenizer.eos_id()),
                     {},
                     {}};
  served.normalisers[""] = TRY(models::read_reward_normaliser(files, ""));
  for (const NamedAdapter& adapter : adapters) {
    TRY(served.decoder->adapters().load(adapter.name, adapter.folder));
    served.adapters.push_back(adapter.name);
    served.normalisers[adapter.name] =
        TRY(models::read_reward_normaliser(files, adapter.folder));
  }
  return served;
}

}  // namespace attune::engine::serve
