#include "engine/nn/adapters.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "engine/nn/seeded.h"

namespace attune::engine::nn {
namespace {

// FNV-1a, so that masks do not depend on the standard library's hash.
uint64_t hash_names(std::string_view first, std::string_view second) {
  uint64_t hash = 14695981039346656037ULL;
  for (std::string_view text : {first, std::string_view("\n"), second}) {
    for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace

void Adapters::register_module(const std::string& path, int64_t out, int64_t in,
                               bool transposed) {
  bool fresh = modules_.emplace(path, ModuleSize{out, in, transposed}).second;
  CHECK(fresh, "module {} is registered twice", path);
}

void Adapters::register_whole(const std::string& tensor, std::vector<int64_t> shape) {
  whole_shapes_[tensor] = std::move(shape);
}

void Adapters::put_whole(const std::string& adapter, const std::string& tensor, Tensor value) {
  const auto found = adapters_.find(adapter);
  CHECK(found != adapters_.end(), "there is no adapter {}", adapter);
  const auto shape = whole_shapes_.find(tensor);
  CHECK(shape != whole_shapes_.end() && value.sizes() == at::IntArrayRef(shape->second),
        "no whole tensor {} of this shape", tensor);
  found->second.whole[tensor] =
      value.detach().to(device_, at::kFloat).clone().set_requires_grad(true);
  std::vector<std::string>& saved = found->second.config.modules_to_save;
  const std::string module = tensor.substr(0, tensor.rfind('.'));
  if (std::find(saved.begin(), saved.end(), module) == saved.end()) saved.push_back(module);
}

void Adapters::set_task_type(const std::string& adapter, const std::string& task_type) {
  const auto found = adapters_.find(adapter);
  CHECK(found != adapters_.end(), "there is no adapter {}", adapter);
  found->second.config.task_type = task_type;
}

const Adapter* Adapters::find(const std::string& name) const {
  auto found = adapters_.find(name);
  return found == adapters_.end() ? nullptr : &found->second;
}

Status Adapters::remove(const std::string& name) {
  if (adapters_.erase(name) == 0) return not_found("there is no adapter \"{}\"", name);
  return {};
}

std::vector<Parameter> Adapters::parameters(const std::string& name) const {
  const Adapter* adapter = find(name);
  CHECK(adapter != nullptr, "there is no adapter {}", name);
  std::vector<Parameter> parameters;
  for (const auto& [path, pair] : adapter->pairs) {
    parameters.push_back({"base_model.model." + path + ".lora_A.weight", pair.a});
    parameters.push_back({"base_model.model." + path + ".lora_B.weight", pair.b});
  }
  for (const auto& [tensor, value] : adapter->whole) {
    parameters.push_back({"base_model.model." + tensor, value});
  }
  return parameters;
}

void Adapters::set_trainable(const std::string& name, bool trainable) {
  for (Parameter& parameter : parameters(name)) parameter.tensor.set_requires_grad(trainable);
}

Tensor Adapters::apply_stack(const std::string& module, const Tensor& x, Tensor y,
                             const std::vector<std::string>& stack,
                             const AdapterDropout& dropout) const {
  for (const std::string& name : stack) {
    const Adapter* adapter = find(name);
    CHECK(adapter != nullptr, "there is no adapter {}", name);
    auto found = adapter->pairs.find(module);
    if (found == adapter->pairs.end()) continue;
    const LoraPair& pair = found->second;
    Tensor input = x;
    if (dropout.active && pair.dropout > 0.0) {
      uint64_t seed = Random(dropout.seed, hash_names(name, module)).next();
      input = nn::dropout(x, pair.dropout, seed);
    }
    y = ops::add_share(y, input, pair);
  }
  return y;
}

std::optional<const LoraPair*> Adapters::single_pair(const std::string& module,
                                                     const AdapterSelection& selection,
                                                     const AdapterDropout& dropout) const {
  const LoraPair* single = nullptr;
  for (const std::string& name : selection.stack) {
    const Adapter* adapter = find(name);
    CHECK(adapter != nullptr, "there is no adapter {}", name);
    const auto found = adapter->pairs.find(module);
    if (found == adapter->pairs.end()) continue;
    const bool drops = dropout.active && found->second.dropout > 0.0;
    if (single != nullptr || drops) return std::nullopt;
    single = &found->second;
  }
  const auto changes = [&](const std::string& name) {
    const Adapter* adapter = find(name);
    CHECK(adapter != nullptr, "there is no adapter {}", name);
    return adapter->pairs.contains(module);
  };
  for (const AdapterRows& rows : selection.rows) {
    if (std::any_of(rows.stack.begin(), rows.stack.end(), changes)) return std::nullopt;
  }
  return single;
}

Tensor Adapters::apply(const std::string& module, const Tensor& x, const Tensor& base_output,
                       const AdapterSelection& selection, const AdapterDropout& dropout) const {
  if (selection.rows.empty()) {
    return apply_stack(module, x, base_output, selection.stack, dropout);
  }
  CHECK(selection.stack.empty(), "an adapter selection by stack and by rows");
  std::vector<Tensor> pieces;
  int64_t at = 0;
  auto copy_until = [&](int64_t row) {
    if (row > at) pieces.push_back(base_output.narrow(0, at, row - at));
    at = row;
  };
  for (const AdapterRows& rows : selection.rows) {
    CHECK(rows.begin >= at && rows.end <= x.size(0), "adapter rows {} to {} after {} of {}",
          rows.begin, rows.end, at, x.size(0));
    copy_until(rows.begin);
    const int64_t count = rows.end - rows.begin;
    if (count <= 0) continue;
    pieces.push_back(apply_stack(module, x.narrow(0, at, count), base_output.narrow(0, at, count),
                                 rows.stack, dropout));
    at = rows.end;
  }
  copy_until(x.size(0));
  return at::cat(pieces, 0);
}

}  // namespace attune::engine::nn
