#include "weights/merge.h"

#include <algorithm>

#include "base/file.h"
#include "base/nearest.h"
#include "weights/lora_files.h"
#include "weights/model_files.h"
#include "weights/model_text.h"
#include "weights/quant_blocks.h"
#include "weights/tensor_encoding.h"

namespace attune::weights {
namespace {

// Adds rows [first, first + count) of s·B·A to a matrix of [out, in].
void add_product(const LoraPair& pair, float scale, int64_t first, std::span<float> rows) {
  int64_t count = static_cast<int64_t>(rows.size()) / pair.in;
  for (int64_t i = 0; i < count; ++i) {
    float* row = rows.data() + i * pair.in;
    for (int64_t r = 0; r < pair.rank; ++r) {
      float factor = scale * pair.b[static_cast<size_t>((first + i) * pair.rank + r)];
      const float* a = pair.a.data() + r * pair.in;
      for (int64_t j = 0; j < pair.in; ++j) row[j] += factor * a[j];
    }
  }
}

// The same for a weight that is stored [in, out] (Conv1D): rows of (B·A) transposed.
void add_transposed(const LoraPair& pair, float scale, int64_t first, std::span<float> rows) {
  int64_t count = static_cast<int64_t>(rows.size()) / pair.out;
  for (int64_t i = 0; i < count; ++i) {
    float* row = rows.data() + i * pair.out;
    for (int64_t r = 0; r < pair.rank; ++r) {
      float factor = scale * pair.a[static_cast<size_t>(r * pair.in + first + i)];
      for (int64_t j = 0; j < pair.out; ++j) {
        row[j] += factor * pair.b[static_cast<size_t>(j * pair.rank + r)];
      }
    }
  }
}

constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kScore = "score.weight";

class Merge {
 public:
  Merge(const ModelFiles& base, const LoraAdapter& adapter) : base_(base), adapter_(adapter) {}

  // Lists what will be written and checks that the adapter fits.
  Status plan(DType dtype, ModelFolder& folder) {
    for (const std::string& name : base_.tensor_names()) {
      folder.tensors.push_back({name, dtype, base_.find(name)->shape});
    }
    for (const auto& [path, pair] : adapter_.pairs) {
      std::string name = path + ".weight";
      const TensorView* weight = base_.find(source_of(name));
      if (weight == nullptr) return unknown_module(path);
      std::vector<int64_t> shape = {pair.out, pair.in};
      if (adapter_.config.fan_in_fan_out) std::swap(shape[0], shape[1]);
      if (weight->shape != shape) {
        return invalid_input("module {}: the adapter is made for a weight of {}, the base has {}",
                             path, shape_text(shape), shape_text(weight->shape));
      }
      if (!base_.has(name)) untie(name, dtype, folder);
    }
    for (const auto& [name, view] : adapter_.saved) {
      if (base_.has(name)) {
        if (base_.find(name)->shape == view.shape) continue;
        return invalid_input("tensor {}: the adapter holds {}, the base {}", name,
                             shape_text(view.shape), shape_text(base_.find(name)->shape));
      }
      if (!is_saved_module(name)) return unknown_module(name.substr(0, name.rfind('.')));
      folder.tensors.push_back({name, dtype, view.shape});
      if (name == kHead) folder.config["tie_word_embeddings"] = false;
      if (name == kScore && adapter_.config.task_type == "SEQ_CLS") {
        TRY(make_classifier(view, folder));
      }
    }
    return {};
  }

  Status write(const TensorSpec& spec, const ByteSink& sink) const {
    auto saved = adapter_.saved.find(spec.name);
    std::string path = spec.name.substr(0, spec.name.rfind('.'));
    auto pair = adapter_.pairs.find(path);
    bool changed = pair != adapter_.pairs.end() && spec.name.ends_with(".weight");
    std::string source = source_of(spec.name);
    int64_t row_size = spec.shape.empty() ? 1 : spec.shape.back();
    return encode_rows(spec, sink, [&](int64_t first, std::span<float> values) -> Status {
      int64_t count = static_cast<int64_t>(values.size()) / row_size;
      if (saved != adapter_.saved.end()) {
        TRY(rows_to_float(saved->second, first, count, values));
      } else {
        TRY(read(source, spec, first, count, values));
      }
      if (!changed) return {};
      auto scale = static_cast<float>(module_scale(adapter_.config, path));
      auto add = adapter_.config.fan_in_fan_out ? add_transposed : add_product;
      add(pair->second, scale, first, values);
      return {};
    });
  }

 private:
  // A vector counts as one row here, and may be reordered element by element in the file.
  Status read(const std::string& source, const TensorSpec& spec, int64_t first, int64_t count,
              std::span<float> values) const {
    return spec.shape.size() < 2 ? base_.read(source, values)
                                 : base_.read_rows(source, first, count, values);
  }

  // A tied head is read from the embedding.
  std::string source_of(const std::string& name) const {
    return name == kHead && !base_.has(kHead) ? kEmbedding : name;
  }

  // A module that the base lacks may be new (a "score" head) when the config says so.
  bool is_saved_module(const std::string& name) const {
    std::string path = name.substr(0, name.rfind('.'));
    std::string last = path.substr(path.rfind('.') + 1);
    const auto& saved = adapter_.config.modules_to_save;
    return std::find(saved.begin(), saved.end(), last) != saved.end();
  }

  void untie(const std::string& name, DType dtype, ModelFolder& folder) const {
    folder.tensors.push_back({name, dtype, base_.find(kEmbedding)->shape});
    folder.config["tie_word_embeddings"] = false;
  }

  // A language model that gets a score head becomes a classifier: the language-model head goes, and
  // the config says so with Transformers' names.
  static Status make_classifier(const TensorView& score, ModelFolder& folder) {
    std::erase_if(folder.tensors, [](const TensorSpec& spec) {
      return spec.name == kHead || spec.name == "embed_out.weight";
    });
    const Json* list = find(folder.config, "architectures");
    std::string name = list != nullptr && list->is_array() && !list->empty() &&
                               list->front().is_string()
                           ? list->front().get<std::string>()
                           : "";
    for (const char* end : {"ForCausalLM", "LMHeadModel"}) {
      if (!name.ends_with(end)) continue;
      name.resize(name.size() - std::string_view(end).size());
      name += "ForSequenceClassification";
    }
    if (!name.ends_with("ForSequenceClassification") || score.shape.size() != 2) {
      return unsupported("the adapter has a score head, but the base's architecture \"{}\" is no "
                         "language model that could carry it", name);
    }
    folder.config["architectures"] = Json::array({name});
    folder.config["tie_word_embeddings"] = false;
    folder.config["id2label"] = Json::object();
    folder.config["label2id"] = Json::object();
    for (int64_t label = 0; label < score.shape[0]; ++label) {
      folder.config["id2label"][std::to_string(label)] = fmt::format("LABEL_{}", label);
      folder.config["label2id"][fmt::format("LABEL_{}", label)] = label;
    }
    return {};
  }

  Error unknown_module(const std::string& path) const {
    std::vector<std::string> names;
    for (const std::string& name : base_.tensor_names()) {
      if (name.ends_with(".weight")) names.push_back(name.substr(0, name.rfind('.')));
    }
    std::string nearest = nearest_name(path, names);
    return invalid_input(
        "module {} of the adapter is not in the base{}; was it trained on this model?", path,
        nearest.empty() ? "" : " (nearest: " + nearest + ")");
  }

  const ModelFiles& base_;
  const LoraAdapter& adapter_;
};

Status refuse_quantised(const ModelFiles& base) {
  for (const std::string& name : base.tensor_names()) {
    const TensorView* view = base.find(name);
    if (!is_quantised(view->dtype)) continue;
    return invalid_input(
        "{}: the base is quantised (tensor {} is {}); merge over its de-quantised "
        "weights with --dequantise, or use the original model",
        base.path(), name, to_string(view->dtype));
  }
  return {};
}

// The tokenizer, template and end token that come with the adapter are the merged model's.
Status take_text(const ModelFiles& base, const std::string& adapter_folder, ModelFolder& folder) {
  const ModelFiles adapter = TRY(ModelFiles::open(adapter_folder, ModelFiles::Parts::kTokenizer));
  if (!adapter.chat_template().empty()) folder.chat_template = adapter.chat_template();
  if (adapter.tokenizer_json_path().empty() && adapter.sentencepiece_path().empty()) return {};
  const ModelText text = TRY(load_model_text(base, adapter_folder));
  folder.tokenizer_json = adapter.tokenizer_json_path().empty()
                              ? text.tokenizer.to_json()
                              : TRY(read_json_file(adapter.tokenizer_json_path()));
  folder.tokenizer_config = text.tokenizer_config;
  name_tokens(text.tokenizer, folder.tokenizer_config);
  if (!text.own_eos) return {};
  const int32_t eos = *text.tokenizer.eos_id();
  folder.config["eos_token_id"] = eos;
  if (folder.generation_config.is_object()) {
    const Json before = folder.generation_config.value("eos_token_id", Json());
    folder.generation_config["eos_token_id"] = with_eos_first(before, eos);
  }
  return {};
}

}  // namespace

Result<MergeReport> merge_adapter(const MergeOptions& options) {
  ModelFiles base = TRY(ModelFiles::open(options.base));
  Status fits = check_embedding(base);
  if (!fits.ok()) return fits.error().with_context(options.base);
  LoraAdapter adapter = TRY(read_lora_folder(options.adapter));
  if (!options.dequantise) TRY(refuse_quantised(base));
  DType dtype = options.dtype.value_or(common_float_type(base));
  if (is_quantised(dtype) || !can_quantize_to(dtype)) {
    return usage_error(
        "a merged model is written as F32, BF16 or F16, not {}; convert it afterwards",
        to_string(dtype));
  }
  ModelFolder folder = TRY(folder_like(base));
  folder.config["torch_dtype"] = torch_dtype_name(dtype);
  folder.config.erase("dtype");
  Merge merge(base, adapter);
  Status planned = merge.plan(dtype, folder);
  if (!planned.ok()) return planned.error().with_context(options.adapter);
  const std::string normaliser = join_path(options.adapter, "reward_normaliser.json");
  if (exists(normaliser)) folder.config["reward_normaliser"] = TRY(read_json_file(normaliser));
  TRY(take_text(base, options.adapter, folder));
  TRY(write_model_folder(options.output, folder, [&](const TensorSpec& spec, const ByteSink& sink) {
    return merge.write(spec, sink);
  }));
  return MergeReport{static_cast<int64_t>(adapter.pairs.size()),
                     static_cast<int64_t>(adapter.saved.size()),
                     static_cast<int64_t>(folder.tensors.size())};
}

Json to_json(const MergeReport& report) {
  return {{"merged", report.merged}, {"replaced", report.replaced}, {"tensors", report.tensors}};
}

}  // namespace attune::weights
