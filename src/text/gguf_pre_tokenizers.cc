#include "text/gguf_pre_tokenizers.h"

#include "text/split_patterns.h"

namespace attune::text {
namespace {

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json split(std::string_view regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", std::string(regex)}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json digits(bool individual) { return {{"type", "Digits"}, {"individual_digits", individual}}; }

Json sequence(Json steps) { return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}; }

// Punctuation apart, GPT-2's cuts, then digits in groups of three (from the left), as in the
// tokenizer.json of the Falcon models.
Json falcon() {
  Json punctuation = {{"type", "Punctuation"}, {"behavior", "Contiguous"}};
  return sequence(Json::array(
      {std::move(punctuation), byte_level(true), digits(false), split("[0-9][0-9][0-9]")}));
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (std::string_view known : names) {
    if (name == known) return true;
  }
  return false;
}

}  // namespace

std::optional<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view name) {
  Json nfc = {{"type", "NFC"}};
  if (is_one_of(name, {"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es",
                       "jina-v2-de", "a.x-4.0", "mellum", "modern-bert", "roberta-bpe"})) {
    return GgufPreTokenizer{byte_level(true), nullptr, false};
  }
  if (is_one_of(name, {"", "default", "mpt", "olmo", "jais", "gpt-neox"})) {
    bool composes = is_one_of(name, {"mpt", "olmo", "gpt-neox"});
    return GgufPreTokenizer{byte_level(true), composes ? nfc : Json(), false};
  }
  if (is_one_of(name, {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone",
                       "minerva-7b"})) {
    Json steps = Json::array({digits(true), byte_level(true)});
    return GgufPreTokenizer{sequence(std::move(steps)), nullptr, false};
  }
  if (is_one_of(name, {"llama3", "llama-v3", "llama-bpe", "falcon3", "dbrx", "smaug-bpe"})) {
    Json steps = Json::array({split(regex_of(SplitPattern::kLlama3)), byte_level(false)});
    return GgufPreTokenizer{sequence(std::move(steps)), nullptr,
                            !is_one_of(name, {"dbrx", "smaug-bpe"})};
  }
  if (is_one_of(name, {"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"})) {
    Json steps = Json::array({split(regex_of(SplitPattern::kQwen2)), byte_level(false)});
    return GgufPreTokenizer{sequence(std::move(steps)), nfc, false};
  }
  if (name == "falcon") return GgufPreTokenizer{falcon(), nullptr, false};
  return std::nullopt;
}

}  // namespace attune::text
