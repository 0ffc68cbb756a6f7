// What `attune model info` shows of a model or an adapter.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace attune::weights {

// {"path", "format" (folder | gguf | llama2c | adapter), "architecture", "model_type",
//  "parameters", "bytes", "dtypes" {"Q4_1": {"tensors", "parameters"}}, "hidden_size", "layers",
//  "heads", "key_value_heads", "context", "vocabulary", "tied_head", "tokenizer" {"kind",
//  "vocabulary", "bos", "eos"} | null, "chat_template" (bool)}; for an adapter "base", "r",
//  "lora_alpha", "target_modules", "parameters". Errors: as ModelFiles::open and read_lora_folder.
Result<OrderedJson> model_info(const std::string& path);

// The same as lines for people.
std::string model_info_text(const OrderedJson& info);

// "96.6 MB"
std::string byte_text(uint64_t bytes);

}  // namespace attune::weights
