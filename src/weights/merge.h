// A base model and a LoRA adapter as one model folder: W += s·B·A in fp32, then rounded once to the
// type that is written.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "weights/dtype.h"

namespace attune::weights {

struct MergeOptions {
  std::string base;     // a model that ModelFiles opens
  std::string adapter;  // a PEFT folder
  std::string output;   // the folder to write
  // F32, BF16 or F16; by default the base's own type, or F32 for a mixed or quantised one.
  std::optional<DType> dtype;
  // A quantised base is refused unless this says that its de-quantised weights are wanted.
  bool dequantise = false;
};

struct MergeReport {
  int64_t merged = 0;    // matrices that the adapter changed
  int64_t replaced = 0;  // tensors that the adapter held whole
  int64_t tensors = 0;   // tensors written
};

// Errors: what ModelFiles and read_lora_folder report; an adapter whose modules or sizes the base
// lacks; a quantised base.
Result<MergeReport> merge_adapter(const MergeOptions& options);

Json to_json(const MergeReport& report);

}  // namespace attune::weights
