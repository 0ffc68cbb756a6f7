// A GGUF file as a ModelState.
#include "weights/gguf_config.h"
#include "weights/model_state.h"

namespace attune::weights {
namespace {

// Tables that repeat what config.json says.
bool is_derived(const std::string& name) {
  return name == "rope_freqs.weight" || name.ends_with(".attn_rot_embd.weight");
}

Result<StoredTensor> adopt(const TensorView& view, const NameMatch& match,
                           const HeadCounts& counts) {
  StoredTensor stored;
  stored.view = view;
  stored.view.name = match.name;
  if (match.order == GgufOrder::kSame || view.bytes == 0) return stored;
  if (match.order == GgufOrder::kTransposed) {
    if (view.shape.size() != 2)
      return invalid_input("shape {} is no matrix", shape_text(view.shape));
    stored.transposed = true;
    std::swap(stored.view.shape[0], stored.view.shape[1]);
    return stored;
  }
  if (view.shape.empty() || view.shape.size() > 2 ||
      (view.shape.size() == 1 && is_quantised(view.dtype))) {
    return invalid_input("shape {} of {} cannot be reordered", shape_text(view.shape),
                         to_string(view.dtype));
  }
  stored.row_order = TRY(stored_rows(match.order, view.shape[0], counts));
  return stored;
}

Status adopt_tensors(const GgufFile& file, const GgufFamily& family, ModelState& state) {
  HeadCounts counts = TRY(head_counts_of(file));
  for (const TensorView& view : file.tensors()) {
    if (is_derived(view.name)) continue;
    std::optional<NameMatch> match = to_transformers_name(family, view.name);
    if (!match) {
      return unsupported(
          "{}: tensor {} has no place in a {} model; use the model's Hugging Face "
          "folder",
          file.path(), view.name, family.model_type);
    }
    Result<StoredTensor> stored = adopt(view, *match, counts);
    if (!stored.ok()) {
      return stored.error().with_context(fmt::format("{}: tensor {}", file.path(), view.name));
    }
    // The name is a function of the GGUF name but for leading zeros of a block number.
    if (!state.tensors.emplace(match->name, std::move(*stored)).second) {
      return invalid_input("{}: two tensors mean {}", file.path(), match->name);
    }
  }
  return {};
}

}  // namespace

Status open_gguf_model(ModelState& state, ModelFiles::Parts parts) {
  state.gguf = TRY(GgufFile::open(state.path));
  const GgufFile& file = *state.gguf;
  std::string architecture = TRY(file.get_string("general.architecture"));
  state.chat_template = TRY(file.get_string_or("tokenizer.chat_template", ""));
  state.generation_config = TRY(generation_config_from_gguf(file));
  if (file.value("tokenizer.ggml.tokens") != nullptr) {
    state.vocabulary = TRY(vocabulary_from_gguf(file));
  }
  if (parts == ModelFiles::Parts::kTokenizer) {
    state.config = Json{{"model_type", architecture}};
    return {};
  }
  if (file.tensors().empty()) {
    return invalid_input("{}: the file holds a vocabulary but no weights; use a whole model",
                         state.path);
  }
  bool second_norm = file.find("blk.0.attn_norm_2.weight") != nullptr;
  const GgufFamily* family = gguf_family(architecture, second_norm);
  if (family == nullptr) {
    return unsupported("{}: architecture \"{}\" is not supported; {} are", state.path, architecture,
                       gguf_family_list());
  }
  state.config = TRY(config_from_gguf(file, *family));
  return adopt_tensors(file, *family, state);
}

}  // namespace attune::weights
