// Writes a Hugging Face model folder: config.json, generation_config.json, tokenizer.json,
// tokenizer_config.json, chat_template.jinja and model.safetensors, in shards with
// model.safetensors.index.json above a size. The folder appears whole or not at all: it is written
// beside its place and renamed.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "weights/model_files.h"
#include "weights/safetensors_writer.h"

namespace attune::weights {

inline constexpr uint64_t kShardBytesMax = 5'000'000'000;

// What goes into a folder besides the weights' bytes. Members that are null or empty are left out,
// but for config.
struct ModelFolder {
  Json config = Json::object();
  Json generation_config;
  Json tokenizer_json;
  Json tokenizer_config;
  std::string chat_template;
  std::vector<TensorSpec> tensors;
  uint64_t shard_bytes = kShardBytesMax;
};

// Receives the bytes of a tensor in parts, in order.
using ByteSink = std::function<Status(std::span<const uint8_t>)>;
// Delivers the bytes of one tensor.
using TensorSource = std::function<Status(const TensorSpec&, const ByteSink&)>;

// Errors: a place that is taken by anything but an empty folder; what the source reports; the disk.
Status write_model_folder(const std::string& path, const ModelFolder& folder,
                          const TensorSource& source);

// Everything but tensors and dtype, from another model: its config (without quantisation keys),
// generation config, tokenizer and template. A model without tokenizer gives a folder without.
Result<ModelFolder> folder_like(const ModelFiles& files);

// Puts into tokenizer_config.json what it should name and does not: the class, and the tokens of
// each role.
void name_tokens(const text::Tokenizer& tokenizer, Json& tokenizer_config);

// Fills a folder that appears whole or not at all: `fill` writes into the temporary place that it
// is given. For every folder that Attune writes.
Status write_folder(const std::string& path, const std::function<Status(const std::string&)>& fill);

}  // namespace attune::weights
