// Converts models between Hugging Face folders and GGUF files, and between types.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "weights/dtype.h"

namespace attune::weights {

struct ConvertOptions {
  std::string model;   // what ModelFiles opens
  std::string output;  // a path ending in .gguf, or a folder to write
  // F32, F16, BF16, and for GGUF Q8_0 and Q4_0. By default the model's own type when its matrices
  // are all F16 or BF16, else F32.
  std::optional<DType> dtype;
};

struct ConvertReport {
  int64_t tensors = 0;
  uint64_t bytes = 0;  // of tensor data
  DType dtype = DType::kF32;
};

// In GGUF, vectors and position tables stay F32, rows that are no whole blocks become F16, and Q4_0
// files keep embedding and head in Q8_0; a model without tokenizer gives a file without. Errors:
// families, tokenizers and rope scalings that GGUF does not know; a type that the output cannot
// hold; values that do not fit it; an output that exists.
Result<ConvertReport> convert_model(const ConvertOptions& options);

Json to_json(const ConvertReport& report);

}  // namespace attune::weights
