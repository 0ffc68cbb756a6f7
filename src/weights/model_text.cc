#include "weights/model_text.h"

#include <algorithm>

namespace attune::weights {
namespace {

bool has_tokenizer(const ModelFiles& files) {
  return files.gguf_vocabulary() || !files.tokenizer_json_path().empty() ||
         !files.sentencepiece_path().empty();
}

// A token for padding is often added without a row for it, and no text uses it.
Status check_size(const ModelFiles& base, const text::Tokenizer& tokenizer) {
  const int64_t rows = TRY(get_int_or(base.config(), "vocab_size", 0));
  if (rows == 0) return {};
  for (int64_t id = rows; id < tokenizer.vocabulary_size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    if (tokenizer.is_special(token) || tokenizer.id_to_token(token).empty()) continue;
    return invalid_input(
        "the adapter's tokenizer has a token {} (\"{}\"), but the base {} has rows for {}; it "
        "belongs to another model", id, tokenizer.id_to_token(token), base.path(), rows);
  }
  return {};
}

// Reserved tokens may have been given a use; all others must be where the base learned them.
Status check_tokens(const ModelFiles& base, const text::Tokenizer& own,
                    const text::Tokenizer& adapters) {
  const int64_t size = std::min(own.vocabulary_size(), adapters.vocabulary_size());
  for (int32_t id = 0; id < size; ++id) {
    if (own.is_special(id)) continue;
    const std::string there = own.id_to_token(id);
    const std::string here = adapters.id_to_token(id);
    if (there.empty() || here.empty() || there == here) continue;
    return invalid_input(
        "token {} is \"{}\" in the adapter's tokenizer and \"{}\" in that of the base {}; it "
        "belongs to another model", id, here, there, base.path());
  }
  return {};
}

Result<ModelText> base_text(const ModelFiles& base) {
  return ModelText{TRY(load_tokenizer(base)), base.chat_template(),
                   base.tokenizer_config()};
}

// The adapter's tokenizer; roles that it does not name are the base's.
Result<ModelText> adapter_text(const ModelFiles& base, const ModelFiles& adapter) {
  text::Tokenizer tokenizer = TRY(load_tokenizer(adapter));
  TRY(check_size(base, tokenizer));
  ModelText text{tokenizer, adapter.chat_template(), adapter.tokenizer_config()};
  if (text.chat_template.empty()) text.chat_template = base.chat_template();
  if (!has_tokenizer(base)) return text;
  const text::Tokenizer own = TRY(load_tokenizer(base));
  TRY(check_tokens(base, own, tokenizer));
  text::SpecialIds ids{tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id(),
                       tokenizer.unk_id()};
  if (!ids.bos) ids.bos = own.bos_id();
  if (!ids.eos) ids.eos = own.eos_id();
  if (!ids.pad) ids.pad = own.pad_id();
  text.own_eos = ids.eos != own.eos_id();
  text.tokenizer = tokenizer.with_special_ids(ids);
  return text;
}

}  // namespace

Result<ModelText> load_model_text(const ModelFiles& base, const std::string& adapter_folder) {
  if (adapter_folder.empty()) return base_text(base);
  const ModelFiles adapter = TRY(ModelFiles::open(adapter_folder, ModelFiles::Parts::kTokenizer));
  if (!has_tokenizer(adapter)) {
    ModelText text = TRY(base_text(base));
    if (!adapter.chat_template().empty()) text.chat_template = adapter.chat_template();
    return text;
  }
  Result<ModelText> text = adapter_text(base, adapter);
  return text.ok() ? std::move(text) : text.error().with_context(adapter_folder);
}

Result<bool> brings_text(const std::string& adapter_folder) {
  const ModelFiles adapter = TRY(ModelFiles::open(adapter_folder, ModelFiles::Parts::kTokenizer));
  return has_tokenizer(adapter) || !adapter.chat_template().empty();
}

Json with_eos_first(const Json& eos_token_id, int32_t eos) {
  Json ids = Json::array({eos});
  for (const Json& id : eos_token_id.is_array() ? eos_token_id : Json::array({eos_token_id})) {
    if (id.is_number_integer() && id != eos) ids.push_back(id);
  }
  return ids;
}

}  // namespace attune::weights
