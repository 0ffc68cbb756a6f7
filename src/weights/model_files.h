// One opened model, whatever its format: a Hugging Face folder, a GGUF file, or a llama2.c .bin
// file. Tensors have Transformers' names, shapes and order of rows whatever the file does: GGUF's
// permuted rotary rows, regrouped QKV rows and transposed matrices are put back by read().
//
// Tensors stay mapped. A ModelFiles is immutable, cheap to copy (shared state), and may be read
// from many threads. Nothing here reads weights eagerly.
//
// Errors name the file and the key or tensor. A folder needs config.json and model.safetensors or
// model.safetensors.index.json; a PEFT adapter folder or a folder with pytorch_model.bin alone is
// refused with what to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer.h"
#include "weights/dtype.h"

namespace attune::weights {

enum class ModelFormat { kFolder, kGguf, kLlama2c };

// A tensor as the file holds it, with what leads from there to Transformers' layout.
struct StoredTensor {
  TensorView view;  // Transformers' name and shape, the file's bytes
  // Row i of the shape is the stored row row_order[i] (elements for vectors); empty: the same.
  std::vector<int64_t> row_order;
  bool transposed = false;  // stored as [shape[1], shape[0]]
};

struct ModelState;

class ModelFiles {
 public:
  // What must be there: everything, or only what a tokenizer needs (a folder without weights or
  // config.json, a GGUF of a vocabulary alone or of an unknown family).
  enum class Parts { kAll, kTokenizer };
  static Result<ModelFiles> open(const std::string& path, Parts parts = Parts::kAll);

  const std::string& path() const;
  ModelFormat format() const;

  // The contents of config.json; made of the metadata for other formats, with Transformers' names.
  const Json& config() const;
  // generation_config.json; {} when there is none.
  const Json& generation_config() const;
  // tokenizer_config.json without its chat template; {} when there is none.
  const Json& tokenizer_config() const;
  // The chat template ("default" of several); empty when there is none.
  const std::string& chat_template() const;
  // Path of the folder's tokenizer.json, or "".
  const std::string& tokenizer_json_path() const;
  // Path of the folder's SentencePiece tokenizer.model, or "".
  const std::string& sentencepiece_path() const;
  // The vocabulary of a GGUF or llama2.c model; nothing for folders.
  const std::optional<text::GgufVocabulary>& gguf_vocabulary() const;

  std::vector<std::string> tensor_names() const;  // sorted
  bool has(const std::string& name) const { return find(name) != nullptr; }
  // Name, type and shape; nullptr when absent. The bytes are in the file's order: see stored().
  const TensorView* find(const std::string& name) const;
  // For kernels that read blocks themselves; nullptr when absent.
  const StoredTensor* stored(const std::string& name) const;

  // The values in fp32 and Transformers' layout. Errors: an absent name, a wrong size of `out`.
  Status read(const std::string& name, std::span<float> out) const;
  // The same for some rows (the last dimension is a row, all others are counted through).
  Status read_rows(const std::string& name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const;

 private:
  explicit ModelFiles(std::shared_ptr<const ModelState> state) : state_(std::move(state)) {}
  std::shared_ptr<const ModelState> state_;
};

// The model's tokenizer: tokenizer.json, else tokenizer.model, else the GGUF vocabulary, with the
// roles that generation_config.json and config.json name where the tokenizer is silent.
Result<text::Tokenizer> load_tokenizer(const ModelFiles& files);
// The same from a path: a model, or a tokenizer.json or SentencePiece .model file itself.
Result<text::Tokenizer> load_tokenizer(const std::string& path);

}  // namespace attune::weights
