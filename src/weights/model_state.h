// What a ModelFiles holds, and the readers that fill it. Internal to weights/.
#pragma once

#include <map>

#include "base/file.h"
#include "weights/gguf.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace attune::weights {

struct ModelState {
  std::string path;
  ModelFormat format = ModelFormat::kFolder;
  Json config = Json::object();
  Json generation_config = Json::object();
  Json tokenizer_config = Json::object();
  std::string chat_template;
  std::string tokenizer_json_path;
  std::string sentencepiece_path;
  std::optional<text::GgufVocabulary> vocabulary;
  std::map<std::string, StoredTensor> tensors;
  // Keep the mappings that the tensors point into.
  std::vector<SafetensorsFile> shards;
  std::optional<GgufFile> gguf;
  MappedFile plain_file;
};

Status open_model_folder(ModelState& state, ModelFiles::Parts parts);
Status open_gguf_model(ModelState& state, ModelFiles::Parts parts);
Status open_llama2c_model(ModelState& state);

}  // namespace attune::weights
