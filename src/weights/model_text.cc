#include "weights/model_text.h"

#include <algorithm>
#include <optional>

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

// Ids of roles that `tokenizer` does not name are those of `below`.
text::Tokenizer with_roles_of(const text::Tokenizer& below, const text::Tokenizer& tokenizer) {
  text::SpecialIds ids{tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id(),
                       tokenizer.unk_id()};
  if (!ids.bos) ids.bos = below.bos_id();
  if (!ids.eos) ids.eos = below.eos_id();
  if (!ids.pad) ids.pad = below.pad_id();
  return tokenizer.with_special_ids(ids);
}

// The texts of a model as far as its folders went: what is nearest to the top.
struct Texts {
  std::optional<text::Tokenizer> base, tokenizer;
  std::string chat_template;
  Json tokenizer_config;
};

Status lay_on_top(const ModelFiles& base, const ModelFiles& adapter, Texts& texts) {
  if (!adapter.chat_template().empty()) texts.chat_template = adapter.chat_template();
  if (!has_tokenizer(adapter)) return {};
  text::Tokenizer own = TRY(load_tokenizer(adapter));
  TRY(check_size(base, own));
  if (texts.base) TRY(check_tokens(base, *texts.base, own));
  texts.tokenizer = texts.tokenizer ? with_roles_of(*texts.tokenizer, own) : std::move(own);
  texts.tokenizer_config = adapter.tokenizer_config();
  return {};
}

}  // namespace

Result<ModelText> load_model_text(const ModelFiles& base,
                                  const std::vector<std::string>& adapter_folders) {
  Texts texts;
  texts.chat_template = base.chat_template();
  texts.tokenizer_config = base.tokenizer_config();
  if (has_tokenizer(base)) texts.base = texts.tokenizer = TRY(load_tokenizer(base));
  for (const std::string& folder : adapter_folders) {
    const ModelFiles adapter = TRY(ModelFiles::open(folder, ModelFiles::Parts::kTokenizer));
    const Status laid = lay_on_top(base, adapter, texts);
    if (!laid.ok()) return laid.error().with_context(folder);
  }
  if (!texts.tokenizer) return load_tokenizer(base).error();  // which says that there is none
  const bool own_eos = texts.base && texts.base->eos_id() != texts.tokenizer->eos_id();
  return ModelText{*texts.tokenizer, texts.chat_template, texts.tokenizer_config, own_eos};
}

Result<ModelText> load_model_text(const ModelFiles& base, const std::string& adapter_folder) {
  if (adapter_folder.empty()) return load_model_text(base, std::vector<std::string>());
  return load_model_text(base, std::vector<std::string>{adapter_folder});
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
