// How GGUF lays out the families that Attune knows, compared with Transformers: names of tensors,
// and where rows or axes are stored in another order. Facts as of the `gguf` package 0.19 and the
// conversion rules of llama.cpp.
//   llama (also Mistral, SmolLM2): rows of q and k of each head pair up rotary halves (2i, 2i+1)
//   falcon, gptneox: fused QKV rows regrouped as all queries, all keys, all values
//   gpt2: Conv1D matrices transposed
//   qwen2, qwen3: as Transformers
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::weights {

enum class GgufOrder {
  kSame,
  kRotaryQuery,  // within a head: stored row 2i+a is Transformers' row a·d/2 + i
  kRotaryKey,    // the same with the number of key heads
  kFusedQkv,     // stored [queries of all heads][keys][values]; Transformers: by key head
  kTransposed,   // weights only; biases are the same
};

// Names without their ".weight" or ".bias"; '#' stands for the block number.
struct GgufName {
  const char* gguf;
  const char* transformers;
  GgufOrder order = GgufOrder::kSame;
};

struct GgufFamily {
  const char* architecture;  // general.architecture
  const char* model_type;    // config.json
  const char* class_name;    // config.json "architectures"
  const char* base_prefix;   // what names of the model without its head begin with: "model."
  std::span<const GgufName> names;
};

// nullptr when unknown. `second_norm`: falcon blocks have attn_norm_2 (40B layout).
const GgufFamily* gguf_family(std::string_view architecture, bool second_norm = false);
// The same by config.json's model_type ("mistral" is stored as llama).
const GgufFamily* gguf_family_of_model(std::string_view model_type, bool second_norm = false);
// "falcon, gpt2, ..." for error messages.
std::string gguf_family_list();

struct NameMatch {
  std::string name;
  GgufOrder order = GgufOrder::kSame;
};
// "blk.3.attn_q.weight" <-> "model.layers.3.self_attn.q_proj.weight"; nothing when there is no
// place.
std::optional<NameMatch> to_transformers_name(const GgufFamily& family, std::string_view gguf_name);
std::optional<NameMatch> to_gguf_name(const GgufFamily& family, std::string_view transformers_name);

struct HeadCounts {
  int64_t heads = 0;
  int64_t key_heads = 0;
};
// For each row as Transformers orders them, the stored row; empty when the order is the same (also
// for kTransposed). Errors: rows that the heads do not divide.
Result<std::vector<int64_t>> stored_rows(GgufOrder order, int64_t rows, const HeadCounts& counts);

}  // namespace attune::weights
