// Named tensors of a model in checkpoint order; names are Transformers' parameter names.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::nn {

struct Parameter {
  std::string name;
  Tensor tensor;  // a leaf; requires_grad says whether it trains
};

class Parameters {
 public:
  // Registers a tensor; a second one of the same name is a bug.
  Tensor add(std::string name, Tensor tensor);
  Tensor* find(const std::string& name);
  const std::vector<Parameter>& all() const { return entries_; }
  std::vector<Parameter> trainable() const;
  int64_t element_count() const;

 private:
  std::vector<Parameter> entries_;
  std::unordered_map<std::string, size_t> by_name_;
};

}  // namespace attune::engine::nn
