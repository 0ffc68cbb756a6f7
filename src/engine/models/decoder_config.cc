#include "engine/models/decoder_config.h"

#include <fmt/ranges.h>

#include "base/nearest.h"
#include "engine/models/families/family.h"

namespace attune::engine::models {
namespace {

// The architecture a checkpoint names, or the family's own for causal language models.
Result<std::string> architecture_of(const Json& config, const Family& family) {
  const Json* list = find(config, "architectures");
  if (list == nullptr || !list->is_array() || list->empty())
    return std::string(family.architecture);
  if (!list->front().is_string()) return invalid_input("architectures: must hold strings");
  std::string name = list->front().get<std::string>();
  std::string classifier = family.classifier_architecture;
  if (name == family.architecture || name == classifier || name == family.base_architecture) {
    return name;
  }
  return unsupported("architectures: \"{}\" of model_type \"{}\" is not known here; known are {}, "
                     "{} and {}", name, family.model_type, family.architecture, classifier,
                     family.base_architecture);
}

// num_labels of a classifier, which Transformers saves as the names in id2label; 2 when it is
// silent.
Result<int64_t> label_count(const Json& config) {
  const Json* names = find(config, "id2label");
  int64_t named = names != nullptr && names->is_object() ? static_cast<int64_t>(names->size()) : 2;
  int64_t labels = TRY(get_int_or(config, "num_labels", named));
  if (labels <= 0) return invalid_input("num_labels: {} must be above 0", labels);
  return labels;
}

Status set_architecture(const Json& config, const Family& family, DecoderConfig& decoder) {
  decoder.architecture = TRY(architecture_of(config, family));
  if (decoder.architecture == family.classifier_architecture) {
    decoder.head = HeadKind::kScore;
    decoder.labels = TRY(label_count(config));
    decoder.names.head = "score";
    decoder.tied_head = false;
  } else if (decoder.architecture == family.base_architecture) {
    decoder.head = HeadKind::kNone;
    decoder.tied_head = false;
  }
  return {};
}

}  // namespace

Status validate(const DecoderConfig& config) {
  auto positive = [](int64_t value, const char* what) -> Status {
    if (value > 0) return {};
    return invalid_input("{} is {}; it must be above 0", what, value);
  };
  TRY(positive(config.vocabulary, "the vocabulary size"));
  TRY(positive(config.width, "the hidden size"));
  TRY(positive(config.heads, "the number of attention heads"));
  TRY(positive(config.kv_heads, "the number of key/value heads"));
  TRY(positive(config.head_width, "the width of a head"));
  TRY(positive(config.feed_forward, "the feed-forward width"));
  TRY(positive(config.context, "the context length"));
  TRY(positive(config.layer_count(), "the number of layers"));
  if (config.heads % config.kv_heads != 0) {
    return invalid_input("{} attention heads are no multiple of {} key/value heads", config.heads,
                         config.kv_heads);
  }
  if (!(config.norm_epsilon >= 0.0)) {
    return invalid_input("the norms' epsilon {} must not be negative", config.norm_epsilon);
  }
  return {};
}

Result<DecoderConfig> decoder_config(const Json& config) {
  std::string model_type = TRY(get_string(config, "model_type"));
  std::vector<std::string> known;
  for (const Family& family : families()) {
    known.push_back(family.model_type);
    if (family.model_type != model_type) continue;
    DecoderConfig decoder = TRY(family.configure(config));
    decoder.family = model_type;
    TRY(set_architecture(config, family, decoder));
    TRY(validate(decoder));
    return decoder;
  }
  std::string nearest = nearest_name(model_type, known);
  std::string hint = nearest.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", nearest);
  return unsupported("model_type: \"{}\" is an architecture that is not known here{}; known are {}",
                     model_type, hint, fmt::join(known, ", "));
}

}  // namespace attune::engine::models
