// A tokenizer as a GGUF vocabulary.
#include <algorithm>
#include <span>

#include "text/gguf_pre_tokenizers.h"
#include "weights/gguf_export.h"

namespace attune::weights {
namespace {

// Cuts differ between pre-tokenizers in contractions, digits, spaces, line ends, marks and scripts.
constexpr const char* kProbe =
    "Hello, world! It's 2024; we'll've DON'T 12345 and 1,234.5678  two   spaces\t\ttabs\n\n1. "
    "line\r\n  indented(x) = y**2 // note\n\n\n ...!!! #tag @me $100 50% a_b-c/d\\e <s> "
    "na\u00efve caf\u00e9 \u4f60\u597d\uff0c\u4e16\u754c \u0645\u0631\u062d\u0628\u0627 "
    "\U0001f600\U0001f469\u200d\U0001f4bb e\u0301 \u00b2 \u2167 \u0663\u0664 end ";

// Names of the pre-tokenizers in common use, plain ones first.
constexpr const char* kPreNames[] = {"gpt-2", "mpt",   "smollm", "llama-bpe",
                                     "dbrx",  "qwen2", "falcon"};

bool agrees(const text::Tokenizer& tokenizer, const text::GgufVocabulary& vocabulary) {
  auto candidate = text::Tokenizer::from_gguf(vocabulary);
  if (!candidate.ok()) return false;
  for (bool special : {true, false}) {
    text::EncodeOptions options{.add_special_tokens = special, .parse_special_tokens = true};
    if (candidate->encode(kProbe, options) != tokenizer.encode(kProbe, options)) return false;
  }
  return true;
}

// Whether whole pieces are looked for before merges shows in words that are tokens which no merges
// make, and only there: each vocabulary has its own, if any.
bool agrees_on_tokens(const text::Tokenizer& tokenizer, const text::GgufVocabulary& vocabulary) {
  auto candidate = text::Tokenizer::from_gguf(vocabulary);
  if (!candidate.ok()) return false;
  const text::EncodeOptions options{.add_special_tokens = false, .parse_special_tokens = true};
  const auto count = static_cast<int32_t>(tokenizer.vocabulary_size());
  for (int32_t id = 0; id < count; ++id) {
    const std::string text = tokenizer.decode(std::span(&id, 1), /*skip_special_tokens=*/false);
    if (candidate->encode(text, options) != tokenizer.encode(text, options)) return false;
  }
  return true;
}

Status take_vocabulary(const Json& model, text::GgufVocabulary& vocabulary) {
  const Json* entries = find(model, "vocab");
  if (entries == nullptr || !entries->is_object())
    return invalid_input("key model.vocab is missing");
  for (const auto& [token, id] : entries->items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0) {
      return invalid_input("key model.vocab: {} has no id", token);
    }
    auto place = static_cast<size_t>(id.get<int64_t>());
    if (place >= vocabulary.tokens.size()) continue;
    vocabulary.tokens[place] = token;
    vocabulary.token_types[place] = text::kGgufTokenNormal;
  }
  return {};
}

void take_added(const Json& tokenizer, text::GgufVocabulary& vocabulary) {
  const Json* added = find(tokenizer, "added_tokens");
  if (added == nullptr || !added->is_array()) return;
  for (const Json& token : *added) {
    auto id = get_int_or(token, "id", -1);
    auto content = get_string_or(token, "content", "");
    auto special = get_bool_or(token, "special", false);
    if (!id.ok() || !content.ok() || !special.ok() || *id < 0) continue;
    auto place = static_cast<size_t>(*id);
    if (place >= vocabulary.tokens.size()) continue;
    vocabulary.tokens[place] = *content;
    vocabulary.token_types[place] =
        *special ? text::kGgufTokenControl : text::kGgufTokenUserDefined;
  }
}

// Merges are "left right" or ["left", "right"].
Status take_merges(const Json& model, text::GgufVocabulary& vocabulary) {
  const Json* merges = find(model, "merges");
  if (merges == nullptr || !merges->is_array()) return invalid_input("key model.merges is missing");
  for (const Json& merge : *merges) {
    if (merge.is_string()) {
      vocabulary.merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      vocabulary.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      return invalid_input("key model.merges: an entry is no pair of tokens");
    }
  }
  return {};
}

// SentencePiece orders merges by the score of their result: minus the rank does the same.
void score_by_rank(text::GgufVocabulary& vocabulary) {
  std::map<std::string, size_t> id_of;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) id_of[vocabulary.tokens[id]] = id;
  vocabulary.scores.assign(vocabulary.tokens.size(), 0.0f);
  float rank = 0.0f;
  for (const std::string& merge : vocabulary.merges) {
    std::string result = merge;
    result.erase(std::min(merge.find(' ', 1), merge.size() - 1), 1);
    auto found = id_of.find(result);
    rank -= 1.0f;
    if (found != id_of.end() && vocabulary.scores[found->second] == 0.0f) {
      vocabulary.scores[found->second] = rank;
    }
  }
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    if (token.size() == 6 && token.starts_with("<0x") && token.ends_with('>')) {
      vocabulary.token_types[id] = text::kGgufTokenByte;
    }
  }
  vocabulary.merges.clear();
}

Result<text::GgufVocabulary> lists_of(const Json& json, const text::Tokenizer& tokenizer,
                                      int64_t size) {
  text::GgufVocabulary vocabulary;
  const Json* model = find(json, "model");
  std::string type = model == nullptr ? "" : TRY(get_string_or(*model, "type", ""));
  if (type != "BPE") {
    return unsupported("a {} tokenizer cannot be written to GGUF; keep the folder", type);
  }
  size_t count = static_cast<size_t>(std::max(size, tokenizer.vocabulary_size()));
  vocabulary.token_types.assign(count, text::kGgufTokenUnused);
  for (size_t id = 0; id < count; ++id) vocabulary.tokens.push_back(fmt::format("[PAD{}]", id));
  TRY(take_vocabulary(*model, vocabulary));
  TRY(take_merges(*model, vocabulary));
  take_added(json, vocabulary);
  bool fallback = TRY(get_bool_or(*model, "byte_fallback", false));
  vocabulary.model = fallback ? "llama" : "gpt2";
  if (fallback) score_by_rank(vocabulary);
  vocabulary.bos = tokenizer.bos_id();
  vocabulary.eos = tokenizer.eos_id();
  vocabulary.unk = tokenizer.unk_id();
  vocabulary.pad = tokenizer.pad_id();
  return vocabulary;
}

}  // namespace

Result<text::GgufVocabulary> gguf_vocabulary_of(const text::Tokenizer& tokenizer,
                                                int64_t vocabulary_size) {
  const Json json = tokenizer.to_json();
  text::GgufVocabulary vocabulary = TRY(lists_of(json, tokenizer, vocabulary_size));
  const bool ignore_merges = TRY(get_bool_or(json["model"], "ignore_merges", false));
  std::vector<int32_t> bare = tokenizer.encode("a", {.add_special_tokens = false});
  std::vector<int32_t> full = tokenizer.encode("a");
  if (full.size() > bare.size()) {
    vocabulary.add_bos = vocabulary.bos && full.front() == *vocabulary.bos;
    vocabulary.add_eos = vocabulary.eos && full.back() == *vocabulary.eos;
  }
  bool spaces = vocabulary.model == "llama";
  for (bool prefix : {true, false}) {
    vocabulary.add_space_prefix = spaces && prefix;
    if (spaces) {
      vocabulary.pre = "default";
      if (agrees(tokenizer, vocabulary)) return vocabulary;
      continue;
    }
    for (const char* name : kPreNames) {
      vocabulary.pre = name;
      if (!agrees(tokenizer, vocabulary)) continue;
      const bool same_search = text::gguf_pre_tokenizer(name)->ignore_merges == ignore_merges;
      if (same_search || agrees_on_tokens(tokenizer, vocabulary)) return vocabulary;
    }
    break;
  }
  return unsupported("no pre-tokenizer known to GGUF gives this tokenizer's ids; keep the folder");
}

void add_vocabulary_metadata(const text::GgufVocabulary& vocabulary,
                             const std::string& chat_template, GgufMetadata& metadata) {
  const std::string prefix = "tokenizer.ggml.";
  metadata.add_string(prefix + "model", vocabulary.model);
  if (!vocabulary.pre.empty()) metadata.add_string(prefix + "pre", vocabulary.pre);
  metadata.add_strings(prefix + "tokens", vocabulary.tokens);
  if (!vocabulary.scores.empty()) metadata.add_f32s(prefix + "scores", vocabulary.scores);
  if (!vocabulary.token_types.empty())
    metadata.add_i32s(prefix + "token_type", vocabulary.token_types);
  if (!vocabulary.merges.empty()) metadata.add_strings(prefix + "merges", vocabulary.merges);
  const std::pair<const char*, std::optional<int32_t>> roles[] = {
      {"bos_token_id", vocabulary.bos},
      {"eos_token_id", vocabulary.eos},
      {"unknown_token_id", vocabulary.unk},
      {"padding_token_id", vocabulary.pad}};
  for (const auto& [key, id] : roles) {
    if (id) metadata.add_u32(prefix + key, static_cast<uint32_t>(*id));
  }
  metadata.add_bool(prefix + "add_bos_token", vocabulary.add_bos);
  metadata.add_bool(prefix + "add_eos_token", vocabulary.add_eos);
  metadata.add_bool(prefix + "add_space_prefix", vocabulary.add_space_prefix);
  if (!chat_template.empty()) metadata.add_string("tokenizer.chat_template", chat_template);
}

}  // namespace attune::weights
