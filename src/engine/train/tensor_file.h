// Named tensors in a safetensors file: parameters and optimiser state of a checkpoint, weights of a
// model folder. CPU tensors of type fp32, fp16, bf16 or int64; others are a bug of the caller.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/optim/optimizer.h"

namespace attune::engine::train {

// The file appears whole or not at all.
Status save_tensors(const std::string& path, const std::vector<optim::NamedTensor>& tensors);

// Copies of all tensors by name.
Result<std::map<std::string, Tensor>> load_tensors(const std::string& path);

// Copies the file's values into tensors of the same names. kInvalidInput names the first that is
// missing or has another shape.
Status load_into(const std::string& path, const std::vector<optim::NamedTensor>& tensors);

}  // namespace attune::engine::train
