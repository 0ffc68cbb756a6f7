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
#include "text/same_ids.h"
#include "weights/lora_files.h"
#include "weights/model_files.h"
#include "weights/model_text.h"

namespace attune::engine::serve {
namespace {

struct NamedAdapter {
  std::string name;
  std::string folder;
};

// A name for a folder: its last part, and a number where another adapter has that already (every
// run's adapter is in a folder "final").
NamedAdapter named_after_folder(const std::string& folder, const std::vector<NamedAdapter>& taken) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) path = path.parent_path();
  const std::string stem = path.filename().string();
  std::string name = stem;
  const auto has_name = [&](const NamedAdapter& adapter) { return adapter.name == name; };
  for (int number = 2; std::any_of(taken.begin(), taken.end(), has_name); ++number) {
    name = fmt::format("{}-{}", stem, number);
  }
  return {name, folder};
}

// NAME=FOLDER, or a folder, whose path may hold a "=" too.
NamedAdapter name_adapter(const std::string& given, const std::vector<NamedAdapter>& taken) {
  const size_t equals = given.find('=');
  if (equals == std::string::npos || exists(given)) return named_after_folder(given, taken);
  return {given.substr(0, equals), given.substr(equals + 1)};
}

struct ServedFolders {
  std::string base;
  std::vector<NamedAdapter> adapters;
  std::string own_adapter;  // the name of the one that is part of the model
};

// An adapter folder given as the model stands for its base with itself on top.
Result<ServedFolders> find_folders(const ServeOptions& options) {
  weights::ModelPlace place{options.model_name_or_path, options.model_adapter};
  if (place.adapter.empty()) place = TRY(weights::model_place(place.model));
  ServedFolders found{place.model, {}, {}};
  if (!place.adapter.empty()) {
    found.adapters.push_back(named_after_folder(place.adapter, {}));
    found.own_adapter = found.adapters[0].name;
  }
  for (const std::string& given : options.adapters) {
    found.adapters.push_back(name_adapter(given, found.adapters));
  }
  return found;
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

// The tokenizer with its template, in whose place an option may have named another.
Result<data::ExampleTokenizer> example_tokenizer(const ServeOptions& options,
                                                 const weights::ModelText& text) {
  if (options.chat_template_path.empty()) {
    return data::ExampleTokenizer::make(text.tokenizer, text.chat_template);
  }
  const auto file = read_file(options.chat_template_path);
  if (!file.ok()) return file.error().with_context("chat_template_path");
  return data::ExampleTokenizer::make(text.tokenizer, *file);
}

Result<ServedText> served_text(const ServeOptions& options, const weights::ModelFiles& files,
                               const std::vector<std::string>& adapter_folders) {
  const weights::ModelText text = TRY(weights::load_model_text(files, adapter_folders));
  ServedText served{TRY(example_tokenizer(options, text)),
                    eos_ids_of(files.generation_config(), text.tokenizer.eos_id())};
  const auto eos = text.tokenizer.eos_id();
  if (text.own_eos && eos) {
    std::erase(served.eos_ids, *eos);
    served.eos_ids.insert(served.eos_ids.begin(), *eos);
  }
  return served;
}

}  // namespace

Result<ServeOptions> parse_serve_options(const std::vector<std::string>& arguments) {
  ServeOptions options;
  std::string threads = "0";
  std::map<std::string, std::string*> texts{
      {"socket", &options.socket}, {"model_name_or_path", &options.model_name_or_path},
      {"model_adapter", &options.model_adapter},
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
  std::vector<std::string> stack;
  if (!own_adapter.empty()) stack.push_back(own_adapter);
  std::string chosen = adapter;
  if (adapter.empty()) {  // the first one to choose from
    if (adapters.size() > stack.size()) chosen = adapters[stack.size()];
  } else if (std::find(adapters.begin(), adapters.end(), adapter) == adapters.end()) {
    return not_found("no adapter \"{}\" is loaded; start the engine with --adapter {}=FOLDER",
                     adapter, adapter);
  }
  if (!chosen.empty() && chosen != own_adapter) stack.push_back(chosen);
  return stack;
}

const ServedText* ServedModel::text_of(const std::vector<std::string>& stack) const {
  for (auto name = stack.rbegin(); name != stack.rend(); ++name) {
    const auto own = texts.find(*name);
    if (own != texts.end()) return &own->second;
  }
  return nullptr;
}

const data::ExampleTokenizer& ServedModel::tokenizer_of(
    const std::vector<std::string>& stack) const {
  const ServedText* own = text_of(stack);
  return own == nullptr ? tokenizer : own->tokenizer;
}

const std::vector<int32_t>& ServedModel::end_ids_of(const std::vector<std::string>& stack) const {
  const ServedText* own = text_of(stack);
  return own == nullptr ? eos_ids : own->eos_ids;
}

const text::Tokenizer& ServedModel::widest_tokenizer() const {
  const text::Tokenizer* widest = nullptr;
  for (const std::string& name : adapters) {
    const auto own = texts.find(name);
    if (own == texts.end()) continue;
    const text::Tokenizer& candidate = own->second.tokenizer.tokenizer();
    if (widest == nullptr || candidate.vocabulary_size() > widest->vocabulary_size()) {
      widest = &candidate;
    }
  }
  const text::Tokenizer& base = tokenizer.tokenizer();
  const bool wider = widest != nullptr && widest->vocabulary_size() >= base.vocabulary_size();
  return wider ? *widest : base;
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

namespace {

// Answers of all adapters are decoded with one tokenizer: what they add to the base's must agree.
// Beyond the base's rows there may be tokens for padding, which no answer has.
Status check_shared_ids(const ServedModel& served) {
  const text::Tokenizer& widest = served.widest_tokenizer();
  const int64_t rows = served.decoder->config().vocabulary;
  for (const auto& [name, own] : served.texts) {
    const auto differs = text::first_difference(own.tokenizer.tokenizer(), widest, rows,
                                                text::MissingToken::kPassed);
    if (!differs) continue;
    return invalid_input("adapter {}: token {} is \"{}\" there and \"{}\" in another adapter or "
                         "the base; serve them apart", name, differs->id, differs->one,
                         differs->other);
  }
  return {};
}

}  // namespace

Result<ServedModel> load_served_model(const ServeOptions& options) {
  const at::Device device = TRY(serving_device(options));
  set_compute_threads(static_cast<int>(options.threads));
  install_arena();  // weights in huge pages are read faster, and every step's tensors are re-used
  const ServedFolders folders = TRY(find_folders(options));
  const std::string& path = folders.base;
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(path));
  ServedText text = TRY(served_text(options, files, {}));
  models::LoadOptions load;
  load.device = device;
  load.dtype = TRY(scalar_type(options.dtype, device));
  load.quantize = options.quantize == "none" ? "" : options.quantize;
  ServedModel served{path,
                     TRY(run_guarded({"loading " + path, {}},
                                     [&] { return models::Decoder::load(files, load); })),
                     std::move(text.tokenizer),
                     std::move(text.eos_ids),
                     {}};
  served.own_adapter = folders.own_adapter;
  served.normalisers[""] = TRY(models::read_reward_normaliser(files, ""));
  for (const NamedAdapter& adapter : folders.adapters) {
    TRY(served.decoder->adapters().load(adapter.name, adapter.folder));
    served.adapters.push_back(adapter.name);
    served.normalisers[adapter.name] =
        TRY(models::read_reward_normaliser(files, adapter.folder));
    if (!TRY(weights::brings_text(adapter.folder))) continue;
    std::vector<std::string> stack{adapter.folder};
    if (!served.own_adapter.empty() && adapter.name != served.own_adapter) {
      stack.insert(stack.begin(), folders.adapters[0].folder);  // the model's own lies beneath
    }
    served.texts.emplace(adapter.name, TRY(served_text(options, files, stack)));
  }
  TRY(check_shared_ids(served));
  return served;
}

}  // namespace attune::engine::serve
