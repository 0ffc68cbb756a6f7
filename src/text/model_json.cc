// The "model" section of a tokenizer.json.
#include "text/bpe.h"
#include "text/tokenizer_state.h"
#include "text/unigram.h"

namespace attune::text {
namespace {

Result<Vocabulary> parse_vocabulary(const Json& section) {
  const Json* vocab = find(section, "vocab");
  if (vocab == nullptr || !vocab->is_object()) {
    return invalid_input("vocab: must be an object of token: id");
  }
  Vocabulary vocabulary;
  vocabulary.reserve(vocab->size(), vocab->size() * 8);
  for (const auto& [token, id] : vocab->items()) {
    auto length = Vocabulary::check_length(token);
    if (!length.ok()) return length.error().with_context("vocab");
    if (!id.is_number_integer()) return invalid_input("vocab[{:?}]: must be an id", token);
    auto value = id.is_number_unsigned() && id.get<uint64_t>() > INT32_MAX ? int64_t{INT32_MAX}
                                                                           : id.get<int64_t>();
    if (value < 0 || value >= Vocabulary::kIdEnd) {
      return invalid_input("vocab[{:?}]: id {} is outside of 0..{}", token, value,
                           Vocabulary::kIdEnd - 1);
    }
    if (!vocabulary.add(token, static_cast<int32_t>(value))) {
      return invalid_input("vocab[{:?}]: id {} belongs to {:?} already", token, value,
                           vocabulary.token(static_cast<int32_t>(value)));
    }
  }
  return vocabulary;
}

Result<Bpe::MergeText> parse_merge(const Json& merge) {
  if (merge.is_string()) {
    const auto& text = merge.get_ref<const std::string&>();
    size_t space = text.find(' ');
    bool one_space = space != std::string::npos && space > 0 && space + 1 < text.size() &&
                     text.find(' ', space + 1) == std::string::npos;
    if (!one_space) return invalid_input("must be two tokens with a space between");
    return Bpe::MergeText(text.substr(0, space), text.substr(space + 1));
  }
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return Bpe::MergeText(merge[0].get<std::string>(), merge[1].get<std::string>());
  }
  return invalid_input("must be \"left right\" or [\"left\", \"right\"]");
}

Result<std::unique_ptr<TokenModel>> parse_bpe(const Json& section) {
  Vocabulary vocabulary = TRY(parse_vocabulary(section));
  const Json* list = find(section, "merges");
  if (list == nullptr || !list->is_array()) return invalid_input("merges: must be a list");
  std::vector<Bpe::MergeText> merges;
  merges.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    auto merge = parse_merge((*list)[i]);
    if (!merge.ok()) return merge.error().with_context(fmt::format("merges[{}]", i));
    merges.push_back(std::move(*merge));
  }
  if (TRY(get_double_or(section, "dropout", 0.0)) != 0.0) {
    return unsupported("dropout: random merges are not supported; set null");
  }
  BpeOptions options;
  if (find(section, "unk_token") != nullptr) {
    options.unk_token = TRY(get_string(section, "unk_token"));
  }
  options.continuing_subword_prefix = TRY(get_string_or(section, "continuing_subword_prefix", ""));
  options.end_of_word_suffix = TRY(get_string_or(section, "end_of_word_suffix", ""));
  options.fuse_unk = TRY(get_bool_or(section, "fuse_unk", false));
  options.byte_fallback = TRY(get_bool_or(section, "byte_fallback", false));
  options.ignore_merges = TRY(get_bool_or(section, "ignore_merges", false));
  Bpe bpe = TRY(Bpe::create(std::move(vocabulary), merges, std::move(options)));
  return std::unique_ptr<TokenModel>(std::make_unique<Bpe>(std::move(bpe)));
}

// The list of a Unigram model: [token, score] by id.
Status parse_scored(const Json& section, Vocabulary& vocabulary, std::vector<double>& scores) {
  const Json* vocab = find(section, "vocab");
  if (vocab == nullptr || !vocab->is_array()) {
    return invalid_input("vocab: must be a list of [token, score]");
  }
  for (size_t id = 0; id < vocab->size(); ++id) {
    const Json& entry = (*vocab)[id];
    bool pair = entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
                entry[1].is_number();
    if (!pair) return invalid_input("vocab[{}]: must be [token, score]", id);
    const auto& token = entry[0].get_ref<const std::string&>();
    auto length = Vocabulary::check_length(token);
    if (!length.ok()) return length.error().with_context(fmt::format("vocab[{}]", id));
    // The reference takes the last of repeated tokens; trainers do write such lists.
    if (!vocabulary.add_repeated(token, static_cast<int32_t>(id))) {
      return invalid_input("vocab[{}]: the list is too long", id);
    }
    scores.push_back(entry[1].get<double>());
  }
  return {};
}

Result<std::unique_ptr<TokenModel>> parse_unigram(const Json& section) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  TRY(parse_scored(section, vocabulary, scores));
  UnigramOptions options;
  int64_t unk = TRY(get_int_or(section, "unk_id", -1));
  if (find(section, "unk_id") != nullptr) {
    if (unk < 0 || unk >= vocabulary.id_end()) {
      return invalid_input("unk_id: {} is no id of {} tokens", unk, vocabulary.size());
    }
    options.unk_id = static_cast<int32_t>(unk);
  }
  options.byte_fallback = TRY(get_bool_or(section, "byte_fallback", false));
  Unigram model = TRY(Unigram::create(std::move(vocabulary), std::move(scores), {}, options));
  return std::unique_ptr<TokenModel>(std::make_unique<Unigram>(std::move(model)));
}

}  // namespace

Result<std::unique_ptr<TokenModel>> parse_model(const Json& section) {
  const char* implied = find(section, "merges") != nullptr ? "BPE" : "Unigram";
  std::string type = TRY(get_string_or(section, "type", implied));
  if (type == "BPE") return parse_bpe(section);
  if (type == "Unigram") return parse_unigram(section);
  return unsupported("type {:?} is not supported; BPE and Unigram are", type);
}

Result<std::shared_ptr<const TokenizerState>> build_from_json(const Json& tokenizer_json) {
  if (!tokenizer_json.is_object()) return invalid_input("a tokenizer.json must be an object");
  const Json* section = find(tokenizer_json, "model");
  if (section == nullptr || !section->is_object()) {
    return invalid_input("model: a tokenizer.json needs this object");
  }
  auto model = parse_model(*section);
  if (!model.ok()) return model.error().with_context("model");
  TokenizerSections sections;
  sections.added_tokens = TRY(parse_added_tokens(tokenizer_json));
  auto part = [&](const char* key) {
    const Json* found = find(tokenizer_json, key);
    return found == nullptr ? Json() : *found;
  };
  sections.normalizer = part("normalizer");
  sections.pre_tokenizer = part("pre_tokenizer");
  sections.post_processor = part("post_processor");
  sections.decoder = part("decoder");
  return build_tokenizer(std::move(sections), std::move(*model), {});
}

}  // namespace attune::text
