// LoRA adapters on one trunk (arXiv 2106.09685): y = W x + sum over the stack of s * B (A x), with
// s = alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732). A is [r, in], B is [out, r].
//
// Several named adapters can live on a trunk; a pass names a *stack* of them per row, so policy,
// value and reference can share one forward pass (design §4). The reference of a run is the stack it
// started from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/nn/parameters.h"
#include "weights/lora_config.h"

namespace attune::engine::nn {

// The A and B of one linear layer in one adapter; tensors are fp32 leaves.
struct LoraPair {
  Tensor a;              // [r, in]
  Tensor b;              // [out, r]
  double scale = 1.0;    // s
  double dropout = 0.0;  // on the adapter's input, training only
};

// An adapter: LoRA pairs by module path (for example "model.layers.0.self_attn.q_proj").
struct Adapter {
  std::string name;
  weights::LoraConfig config;
  std::map<std::string, LoraPair> pairs;
};

// Rows [begin, end) of a pass use the adapters of `stack`, applied as a sum.
struct AdapterRows {
  int64_t begin = 0;
  int64_t end = 0;
  std::vector<std::string> stack;
};

// Which stack each row of a pass uses. Default-constructed: the base model everywhere. With `stack`
// alone, that stack everywhere; with `rows`, by row range (ranges ascending, without overlap).
struct AdapterSelection {
  std::vector<std::string> stack;
  std::vector<AdapterRows> rows;
};

// The adapters of one trunk. `modules` maps each linear layer's path to its {out, in} sizes.
class Adapters {
 public:
  // Creates an adapter with Kaiming-uniform A (a = sqrt 5) and zero B, as PEFT; target_modules are
  // suffixes of module paths or "all-linear". Errors name a target that matches nothing.
  Status create(const std::string& name, const weights::LoraConfig& config, uint64_t seed);
  Status load(const std::string& name, const std::string& peft_folder);
  Status save(const std::string& name, const std::string& peft_folder) const;
  Status remove(const std::string& name);

  // The A and B tensors of an adapter that train, PEFT's names; order is stable.
  std::vector<Parameter> parameters(const std::string& name) const;
  const Adapter* find(const std::string& name) const;
  void set_trainable(const std::string& name, bool trainable);

  void register_module(const std::string& path, int64_t out, int64_t in);

  // base_output [N, out] plus the adapters' share for input x [N, in] at this module.
  Tensor apply(const std::string& module, const Tensor& x, const Tensor& base_output,
               const AdapterSelection& selection, bool training) const;

 private:
  struct ModuleSize {
    int64_t out = 0;
    int64_t in = 0;
  };
  std::map<std::string, ModuleSize> modules_;
  std::map<std::string, Adapter> adapters_;
};

}  // namespace attune::engine::nn
