#include "engine/optim/optimizer.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cctype>
#include <string_view>
#include <utility>

#include "engine/optim/update_rules.h"

namespace attune::engine::optim {
namespace {

// Whether `name` has `part` as a whole dotted component, or a component that ends with "_" + part.
bool has_component(std::string_view name, std::string_view part) {
  for (size_t at = name.find(part); at != std::string_view::npos; at = name.find(part, at + 1)) {
    const size_t end = at + part.size();
    const bool starts = at == 0 || name[at - 1] == '.' || name[at - 1] == '_';
    const bool ends = end == name.size() || name[end] == '.';
    if (starts && ends) return true;
  }
  return false;
}

}  // namespace

Result<OptimizerKind> parse_optimizer_kind(const std::string& name) {
  if (name == "adamw_torch" || name == "adamw_torch_fused" || name == "adamw_hf") {
    return OptimizerKind::kAdamW;
  }
  if (name == "sgd") return OptimizerKind::kSgd;
  if (name == "rmsprop") return OptimizerKind::kRmsprop;
  return invalid_input(
      "optim: {} is not available; use adamw_torch, adamw_torch_fused, sgd or rmsprop", name);
}

bool decays(const std::string& parameter_name) {
  std::string name = parameter_name;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view part : {"bias", "layernorm", "rmsnorm"}) {
    if (name.find(part) != std::string::npos) return false;
  }
  // GPT-2's and Falcon's ln_1, ln_f, ln_attn are LayerNorm modules, which Transformers knows by
  // type.
  if (name.rfind("ln_", 0) == 0 || name.find(".ln_") != std::string::npos) return false;
  return !has_component(name, "norm");
}

std::unique_ptr<Optimizer> Optimizer::create(const OptimizerOptions& options,
                                             std::vector<NamedTensor> parameters) {
  switch (options.kind) {
    case OptimizerKind::kAdamW: return std::make_unique<AdamW>(options, std::move(parameters));
    case OptimizerKind::kSgd: return std::make_unique<Sgd>(options, std::move(parameters));
    case OptimizerKind::kRmsprop: return std::make_unique<Rmsprop>(options, std::move(parameters));
  }
  CHECK(false, "unknown optimiser kind {}", static_cast<int>(options.kind));
}

Optimizer::Optimizer(const OptimizerOptions& options, std::vector<NamedTensor> parameters,
                     std::vector<std::string> slots)
    : options_(options),
      parameters_(std::move(parameters)),
      slot_names_(std::move(slots)) {
  for (const NamedTensor& parameter : parameters_) {
    const auto fp32 = parameter.tensor.options().dtype(at::kFloat).requires_grad(false);
    std::vector<Tensor>& made = slots_.emplace_back();
    for (size_t k = 0; k < slot_names_.size(); ++k) {
      made.push_back(at::zeros(parameter.tensor.sizes(), fp32));
    }
    made.push_back(at::zeros({1}, fp32));
  }
}

void Optimizer::zero_grad() {
  for (NamedTensor& parameter : parameters_) parameter.tensor.mutable_grad() = Tensor();
}

std::vector<NamedTensor> Optimizer::state() const {
  std::vector<NamedTensor> result;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (slots_[i].back().item<float>() == 0) continue;
    for (size_t k = 0; k < slots_[i].size(); ++k) {
      const std::string slot = k < slot_names_.size() ? slot_names_[k] : "step";
      result.push_back({parameters_[i].name + "." + slot, slots_[i][k]});
    }
  }
  return result;
}

Status Optimizer::load_state(const std::map<std::string, Tensor>& tensors) {
  c10::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    std::vector<Tensor>& slots = slots_[i];
    if (!tensors.contains(parameters_[i].name + ".step")) {  // it has not had an update yet
      for (Tensor& slot : slots) slot.zero_();
      continue;
    }
    for (size_t k = 0; k < slots.size(); ++k) {
      const std::string slot = k < slot_names_.size() ? slot_names_[k] : "step";
      const auto found = tensors.find(parameters_[i].name + "." + slot);
      if (found == tensors.end() || found->second.sizes() != slots[k].sizes()) {
        return invalid_input("optimiser state: {}.{} is {}; the checkpoint belongs to another run",
                             parameters_[i].name, slot,
                             found == tensors.end() ? "missing" : "of another shape");
      }
      slots[k].copy_(found->second);
    }
  }
  return {};
}

}  // namespace attune::engine::optim
