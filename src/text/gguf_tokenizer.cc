// Tokenizers from GGUF metadata: the model's lists, and the sections that a tokenizer.json would
// have.
#include "text/bpe.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer_state.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

// The lists run beside the tokens: whoever looks up an id relies on it.
Status check_lengths(const GgufVocabulary& source) {
  if (source.tokens.empty()) return invalid_input("tokenizer.ggml.tokens: the list is empty");
  for (const auto& [name, size] : {std::pair<const char*, size_t>{"scores", source.scores.size()},
                                   {"token_type", source.token_types.size()}}) {
    if (size != 0 && size != source.tokens.size()) {
      return invalid_input("tokenizer.ggml.{}: {} entries for {} tokens", name, size,
                           source.tokens.size());
    }
  }
  return {};
}

Result<Vocabulary> list_vocabulary(const GgufVocabulary& source) {
  Vocabulary vocabulary;
  size_t bytes = 0;
  for (const std::string& token : source.tokens) bytes += token.size();
  vocabulary.reserve(source.tokens.size(), bytes);
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    const std::string& token = source.tokens[id];
    auto length = Vocabulary::check_length(token);
    if (!length.ok()) {
      return length.error().with_context(fmt::format("tokenizer.ggml.tokens[{}]", id));
    }
    if (valid_utf8_prefix(token) != token.size()) {
      return invalid_input("tokenizer.ggml.tokens[{}]: no UTF-8", id);
    }
    if (vocabulary.add(source.tokens[id], static_cast<int32_t>(id))) continue;
    return invalid_input("tokenizer.ggml.tokens[{}]: {:?} repeats, or the list is too long", id,
                         source.tokens[id]);
  }
  return vocabulary;
}

int32_t type_of(const GgufVocabulary& source, size_t id) {
  return source.token_types.empty() ? static_cast<int32_t>(kGgufTokenNormal)
                                    : source.token_types[id];
}

std::vector<AddedToken> added_tokens_of(const GgufVocabulary& source) {
  std::vector<AddedToken> added;
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    int32_t type = type_of(source, id);
    bool special = type == kGgufTokenControl || type == kGgufTokenUnknown;
    if (!special && type != kGgufTokenUserDefined) continue;
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.content = source.tokens[id];
    token.special = special;
    added.push_back(std::move(token));
  }
  return added;
}

Status check_ids(const GgufVocabulary& source) {
  std::pair<const char*, std::optional<int32_t>> roles[] = {{"bos_token_id", source.bos},
                                                            {"eos_token_id", source.eos},
                                                            {"unknown_token_id", source.unk},
                                                            {"padding_token_id", source.pad}};
  for (const auto& [name, id] : roles) {
    if (!id || (*id >= 0 && static_cast<size_t>(*id) < source.tokens.size())) continue;
    return invalid_input("tokenizer.ggml.{}: {} is no id of {} tokens", name, *id,
                         source.tokens.size());
  }
  return {};
}

Json template_of(const GgufVocabulary& source) {
  using Named = std::optional<std::pair<std::string, int32_t>>;
  auto named = [&](bool wanted, std::optional<int32_t> id) -> Named {
    if (!wanted || !id) return std::nullopt;
    return std::pair(source.tokens[static_cast<size_t>(*id)], *id);
  };
  return template_section(named(source.add_bos, source.bos), named(source.add_eos, source.eos));
}

Result<std::unique_ptr<TokenModel>> byte_level_bpe(const GgufVocabulary& source,
                                                   bool ignore_merges) {
  Vocabulary vocabulary = TRY(list_vocabulary(source));
  if (source.merges.empty()) return invalid_input("tokenizer.ggml.merges: the list is empty");
  std::vector<Bpe::MergeText> merges;
  merges.reserve(source.merges.size());
  for (size_t i = 0; i < source.merges.size(); ++i) {
    const std::string& merge = source.merges[i];
    size_t space = merge.find(' ', 1);  // the left part may not be empty
    if (space == std::string::npos || space + 1 == merge.size()) {
      return invalid_input("tokenizer.ggml.merges[{}]: {:?} is not two tokens", i, merge);
    }
    merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  BpeOptions options;
  options.ignore_merges = ignore_merges;
  auto bpe = Bpe::create(std::move(vocabulary), merges, std::move(options));
  if (!bpe.ok()) return bpe.error().with_context("tokenizer.ggml");
  return std::unique_ptr<TokenModel>(std::make_unique<Bpe>(std::move(*bpe)));
}

Result<std::shared_ptr<const TokenizerState>> sentencepiece_from_gguf(
    const GgufVocabulary& source) {
  TRY(list_vocabulary(source));  // reports lists that do not fit together
  bool unigram = source.model == "t5";
  SentencePieceModel model;
  model.kind = unigram ? SentencePieceKind::kUnigram : SentencePieceKind::kBpe;
  if (source.scores.empty()) return invalid_input("tokenizer.ggml.scores: the list is missing");
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    model.pieces.push_back({source.tokens[id], source.scores[id], type_of(source, id)});
  }
  model.ids = {source.bos, source.eos, source.pad, source.unk};
  model.add_bos = source.add_bos;
  model.add_eos = source.add_eos;
  model.byte_fallback = true;
  model.charsmap = source.precompiled_charsmap;
  model.symbols_in_raw_text = true;
  model.spaces.add_prefix = source.add_space_prefix;
  model.spaces.prefix_every_part = true;
  model.spaces.remove_extra = source.remove_extra_whitespaces;
  return build_from_sentencepiece(model);
}

}  // namespace

Result<std::shared_ptr<const TokenizerState>> build_from_gguf(const GgufVocabulary& source) {
  TRY(check_lengths(source));
  TRY(check_ids(source));
  TokenizerSections sections;
  sections.added_tokens = added_tokens_of(source);
  sections.post_processor = template_of(source);
  SpecialIds ids{source.bos, source.eos, source.pad, source.unk};
  if (source.model == "gpt2") {
    auto pre = gguf_pre_tokenizer(source.pre);
    if (!pre) {
      return unsupported("tokenizer.ggml.pre: {:?} is not known; convert the model with its "
                         "tokenizer.json instead", source.pre);
    }
    auto model = TRY(byte_level_bpe(source, pre->ignore_merges));
    sections.normalizer = std::move(pre->normalizer);
    sections.pre_tokenizer = std::move(pre->pre_tokenizer);
    sections.decoder = {{"type", "ByteLevel"},
                        {"add_prefix_space", true},
                        {"trim_offsets", true},
                        {"use_regex", true}};
    return build_tokenizer(std::move(sections), std::move(model), ids);
  }
  if (source.model == "llama" || source.model == "t5") return sentencepiece_from_gguf(source);
  return unsupported("tokenizer.ggml.model: {:?} is not supported; gpt2, llama and t5 are",
                     source.model);
}

Json template_section(const std::optional<std::pair<std::string, int32_t>>& bos,
                      const std::optional<std::pair<std::string, int32_t>>& eos) {
  if (!bos && !eos) return nullptr;
  Json tokens = Json::object();
  auto special = [&](const std::pair<std::string, int32_t>& token) -> Json {
    tokens[token.first] = {{"id", token.first},
                           {"ids", Json::array({token.second})},
                           {"tokens", Json::array({token.first})}};
    return {{"SpecialToken", {{"id", token.first}, {"type_id", 0}}}};
  };
  auto with_ends = [&](Json middle) {
    Json items = Json::array();
    if (bos) items.push_back(special(*bos));
    for (Json& item : middle) items.push_back(std::move(item));
    if (eos) items.push_back(special(*eos));
    return items;
  };
  auto sequence = [](const char* name, int type_id) -> Json {
    return {{"Sequence", {{"id", name}, {"type_id", type_id}}}};
  };
  Json single = with_ends(Json::array({sequence("A", 0)}));
  Json pair = with_ends(Json::array({sequence("A", 0), sequence("B", 1)}));
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(tokens)}};
}

}  // namespace attune::text
