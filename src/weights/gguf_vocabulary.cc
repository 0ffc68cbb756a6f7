#include <limits>

#include "text/gguf_pre_tokenizers.h"
#include "weights/gguf_config.h"

namespace attune::weights {
namespace {

// A value converted by one of GgufValue's members, its key named in errors; empty when absent.
template <typename T>
Result<T> list_of(const GgufFile& file, const char* key, Result<T> (GgufValue::*convert)() const) {
  const GgufValue* value = file.value(key);
  if (value == nullptr) return T{};
  Result<T> list = (value->*convert)();
  if (list.ok()) return list;
  return invalid_input("{}: key {} {}", file.path(), key, list.error().message());
}

Result<std::optional<int32_t>> token_id(const GgufFile& file, const char* key, size_t tokens) {
  if (file.value(key) == nullptr) return std::optional<int32_t>();
  int64_t id = TRY(file.get_int(key));
  // Some writers mark "none" by -1 in 32 bits.
  if (id == -1 || id == int64_t{std::numeric_limits<uint32_t>::max()})
    return std::optional<int32_t>();
  if (id < 0 || static_cast<uint64_t>(id) >= tokens) {
    return invalid_input("{}: key {} is {}, the vocabulary has {} tokens", file.path(), key, id,
                         tokens);
  }
  return std::optional<int32_t>(static_cast<int32_t>(id));
}

// A list of bytes, whatever the integer type that the writer chose.
Result<std::string> bytes_of(const GgufFile& file, const char* key) {
  std::vector<int64_t> values = TRY(list_of(file, key, &GgufValue::as_ints));
  std::string bytes;
  bytes.reserve(values.size());
  for (int64_t value : values) bytes.push_back(static_cast<char>(value & 255));
  return bytes;
}

}  // namespace

Result<text::GgufVocabulary> vocabulary_from_gguf(const GgufFile& file) {
  text::GgufVocabulary vocabulary;
  vocabulary.tokens = TRY(list_of(file, "tokenizer.ggml.tokens", &GgufValue::as_strings));
  if (vocabulary.tokens.empty()) {
    return not_found("{}: the file carries no tokenizer (key tokenizer.ggml.tokens)", file.path());
  }
  vocabulary.model = TRY(file.get_string("tokenizer.ggml.model"));
  vocabulary.pre = TRY(file.get_string_or("tokenizer.ggml.pre", ""));
  vocabulary.scores = TRY(list_of(file, "tokenizer.ggml.scores", &GgufValue::as_floats));
  for (int64_t type : TRY(list_of(file, "tokenizer.ggml.token_type", &GgufValue::as_ints))) {
    vocabulary.token_types.push_back(static_cast<int32_t>(type));
  }
  vocabulary.merges = TRY(list_of(file, "tokenizer.ggml.merges", &GgufValue::as_strings));
  size_t count = vocabulary.tokens.size();
  vocabulary.bos = TRY(token_id(file, "tokenizer.ggml.bos_token_id", count));
  vocabulary.eos = TRY(token_id(file, "tokenizer.ggml.eos_token_id", count));
  vocabulary.unk = TRY(token_id(file, "tokenizer.ggml.unknown_token_id", count));
  vocabulary.pad = TRY(token_id(file, "tokenizer.ggml.padding_token_id", count));
  // As in llama.cpp, SentencePiece's vocabularies and Llama 3's (those that look for whole pieces
  // first) put BOS first unless the file says otherwise.
  bool begins = vocabulary.model == "llama";
  if (vocabulary.model == "gpt2") {
    auto pre = text::gguf_pre_tokenizer(vocabulary.pre);
    begins = pre && pre->ignore_merges;
  }
  vocabulary.add_bos = TRY(file.get_bool_or("tokenizer.ggml.add_bos_token", begins));
  vocabulary.add_eos = TRY(file.get_bool_or("tokenizer.ggml.add_eos_token", false));
  vocabulary.add_space_prefix = TRY(file.get_bool_or("tokenizer.ggml.add_space_prefix", true));
  vocabulary.remove_extra_whitespaces =
      TRY(file.get_bool_or("tokenizer.ggml.remove_extra_whitespaces", false));
  vocabulary.precompiled_charsmap = TRY(bytes_of(file, "tokenizer.ggml.precompiled_charsmap"));
  return vocabulary;
}

}  // namespace attune::weights
