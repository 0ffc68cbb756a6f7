#include "base/file.h"
#include "weights/model_files.h"

namespace attune::weights {
namespace {

// A role's id in a config: a number, or the first of a list.
std::optional<int32_t> role_id(const Json& config, const char* key) {
  const Json* value = find(config, key);
  if (value != nullptr && value->is_array() && !value->empty()) value = &value->front();
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  auto id = value->get<int64_t>();
  if (id < 0 || id > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::optional<int32_t> first_of(std::optional<int32_t> own, const ModelFiles& files,
                                const char* key, int64_t vocabulary) {
  for (const Json* config : {&files.generation_config(), &files.config()}) {
    if (!own) own = role_id(*config, key);
    if (own && *own >= vocabulary) own.reset();
  }
  return own;
}

Result<text::Tokenizer> bare_tokenizer(const ModelFiles& files) {
  if (!files.tokenizer_json_path().empty()) {
    return text::Tokenizer::from_json_file(files.tokenizer_json_path());
  }
  if (!files.sentencepiece_path().empty()) {
    return text::Tokenizer::from_sentencepiece_file(files.sentencepiece_path());
  }
  if (files.gguf_vocabulary()) {
    Result<text::Tokenizer> tokenizer = text::Tokenizer::from_gguf(*files.gguf_vocabulary());
    return tokenizer.ok() ? std::move(tokenizer)
                          : Result<text::Tokenizer>(tokenizer.error().with_context(files.path()));
  }
  return not_found("{}: there is no tokenizer (tokenizer.json or tokenizer.model)", files.path());
}

}  // namespace

Result<text::Tokenizer> load_tokenizer(const ModelFiles& files) {
  text::Tokenizer tokenizer = TRY(bare_tokenizer(files));
  int64_t size = tokenizer.vocabulary_size();
  text::SpecialIds ids;
  ids.bos = first_of(tokenizer.bos_id(), files, "bos_token_id", size);
  ids.eos = first_of(tokenizer.eos_id(), files, "eos_token_id", size);
  ids.pad = first_of(tokenizer.pad_id(), files, "pad_token_id", size);
  ids.unk = tokenizer.unk_id();
  return tokenizer.with_special_ids(ids);
}

Result<text::Tokenizer> load_tokenizer(const std::string& path) {
  if (!is_directory(path)) {
    if (path.ends_with(".json")) return text::Tokenizer::from_json_file(path);
    if (path.ends_with(".model")) return text::Tokenizer::from_sentencepiece_file(path);
  }
  return load_tokenizer(TRY(ModelFiles::open(path, ModelFiles::Parts::kTokenizer)));
}

}  // namespace attune::weights
