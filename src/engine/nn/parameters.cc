#include "engine/nn/parameters.h"

#include <utility>

#include "base/check.h"

namespace attune::engine::nn {

Tensor Parameters::add(std::string name, Tensor tensor) {
  bool fresh = by_name_.emplace(name, entries_.size()).second;
  CHECK(fresh, "parameter {} is registered twice", name);
  entries_.push_back({std::move(name), std::move(tensor)});
  return entries_.back().tensor;
}

Tensor* Parameters::find(const std::string& name) {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second].tensor;
}

std::vector<Parameter> Parameters::trainable() const {
  std::vector<Parameter> trainable;
  for (const Parameter& entry : entries_) {
    if (entry.tensor.requires_grad()) trainable.push_back(entry);
  }
  return trainable;
}

int64_t Parameters::element_count() const {
  int64_t count = 0;
  for (const Parameter& entry : entries_) count += entry.tensor.numel();
  return count;
}

}  // namespace attune::engine::nn
