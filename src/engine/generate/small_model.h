// A tiny random model with a byte tokenizer, for the tests of generate/, evaluate/ and serve/.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "engine/models/decoder.h"
#include "engine/tensor/test_device.h"
#include "text/tokenizer.h"

namespace attune::engine::testing {

inline constexpr int32_t kEndId = 256;  // "<|end|>"
inline constexpr int64_t kSmallVocabulary = 260;

// The character by which byte-level BPE writes a byte (GPT-2's table).
inline std::string byte_character(int byte) {
  const auto printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  int code = byte;
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  if (code < 128) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
}

// Every byte is a token; 256 to 259 are "<|end|>", "<|user|>", "<|assistant|>" and "<|pad|>".
inline text::Tokenizer byte_tokenizer() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_character(byte)] = byte;
  Json added = Json::array();
  int id = kEndId;
  for (const char* name : {"<|end|>", "<|user|>", "<|assistant|>", "<|pad|>"}) {
    added.push_back({{"id", id++}, {"content", name}, {"single_word", false}, {"lstrip", false},
                     {"rstrip", false}, {"normalized", false}, {"special", true}});
  }
  const Json level{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true},
                   {"use_regex", false}};
  const Json file{
      {"version", "1.0"}, {"added_tokens", added}, {"normalizer", nullptr},
      {"pre_tokenizer", level}, {"post_processor", nullptr}, {"decoder", level},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  text::SpecialIds roles;
  roles.eos = kEndId;
  return text::Tokenizer::from_json(file).value().with_special_ids(roles);
}

inline constexpr const char* kSmallTemplate =
    "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

// Two layers; weights large enough that attention is far from uniform.
inline std::unique_ptr<models::Decoder> small_decoder(
    int64_t window = 0, const models::LoadOptions& options = {.device = test_device()}) {
  Json config{{"model_type", window > 0 ? "mistral" : "llama"},
              {"architectures", {window > 0 ? "MistralForCausalLM" : "LlamaForCausalLM"}},
              {"vocab_size", kSmallVocabulary}, {"hidden_size", 32}, {"intermediate_size", 64},
              {"num_hidden_layers", 2}, {"num_attention_heads", 4}, {"num_key_value_heads", 2},
              {"max_position_embeddings", 128}, {"rms_norm_eps", 1e-5}, {"hidden_act", "silu"},
              {"tie_word_embeddings", false}, {"rope_theta", 10000.0}};
  if (window > 0) config["sliding_window"] = window;
  return models::Decoder::random(models::decoder_config(config).value(), 7, 0.3, options);
}

}  // namespace attune::engine::testing
