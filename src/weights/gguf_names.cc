#include "weights/gguf_names.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace attune::weights {
namespace {

using enum GgufOrder;

#define ATTUNE_LLAMA_BLOCK                                                                    \
  {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}, \
      {"cls.output", "score"}, {"blk.#.attn_norm", "model.layers.#.input_layernorm"},         \
      {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},                                    \
      {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},                               \
      {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},                          \
      {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},                                     \
      {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"}, {                                       \
    "blk.#.ffn_down", "model.layers.#.mlp.down_proj"                                          \
  }

constexpr std::array kLlama = std::to_array<GgufName>({
    ATTUNE_LLAMA_BLOCK,
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj", kRotaryQuery},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj", kRotaryKey},
});

constexpr std::array kQwen = std::to_array<GgufName>({
    ATTUNE_LLAMA_BLOCK,
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_q_norm", "model.layers.#.self_attn.q_norm"},
    {"blk.#.attn_k_norm", "model.layers.#.self_attn.k_norm"},
});
#undef ATTUNE_LLAMA_BLOCK

#define ATTUNE_FALCON_BLOCK                                                            \
  {"token_embd", "transformer.word_embeddings"}, {"output_norm", "transformer.ln_f"},  \
      {"output", "lm_head"},                                                           \
      {"blk.#.attn_qkv", "transformer.h.#.self_attention.query_key_value", kFusedQkv}, \
      {"blk.#.attn_output", "transformer.h.#.self_attention.dense"},                   \
      {"blk.#.ffn_up", "transformer.h.#.mlp.dense_h_to_4h"}, {                         \
    "blk.#.ffn_down", "transformer.h.#.mlp.dense_4h_to_h"                              \
  }

constexpr std::array kFalcon = std::to_array<GgufName>({
    ATTUNE_FALCON_BLOCK,
    {"blk.#.attn_norm", "transformer.h.#.input_layernorm"},
});

constexpr std::array kFalconTwoNorms = std::to_array<GgufName>({
    ATTUNE_FALCON_BLOCK,
    {"blk.#.attn_norm", "transformer.h.#.ln_mlp"},
    {"blk.#.attn_norm_2", "transformer.h.#.ln_attn"},
});
#undef ATTUNE_FALCON_BLOCK

constexpr std::array kGptNeox = std::to_array<GgufName>({
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
    {"blk.#.attn_norm", "gpt_neox.layers.#.input_layernorm"},
    {"blk.#.attn_qkv", "gpt_neox.layers.#.attention.query_key_value", kFusedQkv},
    {"blk.#.attn_output", "gpt_neox.layers.#.attention.dense"},
    {"blk.#.ffn_norm", "gpt_neox.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_up", "gpt_neox.layers.#.mlp.dense_h_to_4h"},
    {"blk.#.ffn_down", "gpt_neox.layers.#.mlp.dense_4h_to_h"},
});

constexpr std::array kGpt2 = std::to_array<GgufName>({
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"blk.#.attn_norm", "transformer.h.#.ln_1"},
    {"blk.#.attn_qkv", "transformer.h.#.attn.c_attn", kTransposed},
    {"blk.#.attn_output", "transformer.h.#.attn.c_proj", kTransposed},
    {"blk.#.ffn_norm", "transformer.h.#.ln_2"},
    {"blk.#.ffn_up", "transformer.h.#.mlp.c_fc", kTransposed},
    {"blk.#.ffn_down", "transformer.h.#.mlp.c_proj", kTransposed},
});

constexpr GgufFamily kFamilies[] = {
    {"llama", "llama", "LlamaForCausalLM", "model.", kLlama},
    {"llama", "mistral", "MistralForCausalLM", "model.", kLlama},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", "model.", kQwen},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", "model.", kQwen},
    {"falcon", "falcon", "FalconForCausalLM", "transformer.", kFalcon},
    {"gptneox", "gpt_neox", "GPTNeoXForCausalLM", "gpt_neox.", kGptNeox},
    {"gpt2", "gpt2", "GPT2LMHeadModel", "transformer.", kGpt2},
};
constexpr GgufFamily kFalconFamilyTwoNorms = {"falcon", "falcon", "FalconForCausalLM",
                                              "transformer.", kFalconTwoNorms};

// Matches `text` against a pattern with at most one '#'; the digits go to `number`.
bool matches(std::string_view pattern, std::string_view text, std::string_view* number) {
  size_t hash = pattern.find('#');
  if (hash == std::string_view::npos) return pattern == text;
  std::string_view before = pattern.substr(0, hash), after = pattern.substr(hash + 1);
  if (text.size() <= before.size() + after.size()) return false;
  if (!text.starts_with(before) || !text.ends_with(after)) return false;
  *number = text.substr(before.size(), text.size() - before.size() - after.size());
  return std::all_of(number->begin(), number->end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string fill(std::string_view pattern, std::string_view number, std::string_view suffix) {
  std::string name(pattern);
  if (size_t hash = name.find('#'); hash != std::string::npos) name.replace(hash, 1, number);
  return name.append(suffix);
}

std::optional<NameMatch> translate(const GgufFamily& family, std::string_view name,
                                   const char* GgufName::*from, const char* GgufName::*to) {
  size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view stem = name.substr(0, dot), suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  for (const GgufName& entry : family.names) {
    std::string_view number;
    if (!matches(entry.*from, stem, &number)) continue;
    bool plain = entry.order == kTransposed && suffix == ".bias";
    return NameMatch{fill(entry.*to, number, suffix), plain ? kSame : entry.order};
  }
  return std::nullopt;
}

}  // namespace

const GgufFamily* gguf_family(std::string_view architecture, bool second_norm) {
  if (architecture == "falcon" && second_norm) return &kFalconFamilyTwoNorms;
  for (const GgufFamily& family : kFamilies) {
    if (architecture == family.architecture) return &family;
  }
  return nullptr;
}

const GgufFamily* gguf_family_of_model(std::string_view model_type, bool second_norm) {
  if (model_type == "falcon" && second_norm) return &kFalconFamilyTwoNorms;
  for (const GgufFamily& family : kFamilies) {
    if (model_type == family.model_type) return &family;
  }
  return nullptr;
}

std::string gguf_family_list() {
  return "llama, mistral, qwen2, qwen3, falcon, gptneox and gpt2";
}

std::optional<NameMatch> to_transformers_name(const GgufFamily& family,
                                              std::string_view gguf_name) {
  return translate(family, gguf_name, &GgufName::gguf, &GgufName::transformers);
}

std::optional<NameMatch> to_gguf_name(const GgufFamily& family,
                                      std::string_view transformers_name) {
  return translate(family, transformers_name, &GgufName::transformers, &GgufName::gguf);
}

Result<std::vector<int64_t>> stored_rows(GgufOrder order, int64_t rows, const HeadCounts& counts) {
  std::vector<int64_t> stored;
  if (order == kSame || order == kTransposed) return stored;
  int64_t slots = order == kRotaryQuery ? counts.heads
                  : order == kRotaryKey ? counts.key_heads
                                        : counts.heads + 2 * counts.key_heads;
  int64_t even = order == kFusedQkv ? 1 : 2;
  bool divides = counts.heads > 0 && counts.key_heads > 0 && counts.heads % counts.key_heads == 0 &&
                 slots <= rows && rows % (slots * even) == 0;
  if (!divides) {
    return invalid_input("{} rows do not fit {} heads and {} key heads", rows, counts.heads,
                         counts.key_heads);
  }
  int64_t head_size = rows / slots;
  stored.resize(static_cast<size_t>(rows));
  int64_t group = counts.heads / counts.key_heads + 2;  // queries, key and value of one key head
  for (int64_t row = 0; row < rows; ++row) {
    int64_t head = row / head_size, i = row % head_size;
    int64_t& target = stored[static_cast<size_t>(row)];
    if (order != kFusedQkv) {
      int64_t half = head_size / 2;
      target = head * head_size + i % half * 2 + i / half;
      continue;
    }
    int64_t key_head = head / group, slot = head % group;
    int64_t stored_head = slot < group - 2    ? key_head * (group - 2) + slot
                          : slot == group - 2 ? counts.heads + key_head
                                              : counts.heads + counts.key_heads + key_head;
    target = stored_head * head_size + i;
  }
  return stored;
}

}  // namespace attune::weights
