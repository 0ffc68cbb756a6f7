// LoRA adapters on one trunk (arXiv 2106.09685): y = W x + sum over the stack of s * B (A x), with
// s = alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732). A is [r, in], B is [out, r].
//
// Several named adapters can live on a trunk; a pass names a *stack* of them per row, so policy,
// value and reference can share one forward pass (design §4). The reference of a run is the stack
// it started from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/nn/parameters.h"
#include "engine/ops/linear.h"
#include "weights/lora_config.h"

namespace attune::engine::nn {

// The A and B of one linear layer in one adapter; tensors are fp32 leaves, `scale` is s.
struct LoraPair : ops::LowRankShare {
  double dropout = 0.0;  // on the adapter's input, training only
};

// An adapter: LoRA pairs by module path (for example "model.layers.0.self_attn.q_proj"), and whole
// tensors that stand in for the trunk's (PEFT's modules_to_save), for example a score head.
struct Adapter {
  std::string name;
  weights::LoraConfig config;
  std::map<std::string, LoraPair> pairs;
  std::map<std::string, Tensor> whole;  // by tensor name, "score.weight"; fp32 leaves
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

// The adapters' dropout in one pass. The masks are a pure function of `seed`, the module and the
// adapter, so a recomputed layer sees the same ones, and a resumed run that derives its seeds from
// the step and micro-batch repeats them: there is no random state to save.
struct AdapterDropout {
  bool active = false;
  uint64_t seed = 0;  // different in every pass
};

// The adapters of one trunk, which registers its linear layers. Not thread-safe while it changes;
// apply() is.
class Adapters {
 public:
  // Where the trunk's tensors are, and all adapters' from now on; the CPU at first.
  void set_device(at::Device device) { device_ = device; }
  // Creates an adapter with Kaiming-uniform A (a = sqrt 5) and zero B, as PEFT. target_modules are
  // suffixes of module paths, or "all-linear"; none means PEFT's choice for the families here
  // (q_proj and v_proj, or the fused projection). Errors name a target or pattern that matches
  // nothing.
  Status create(const std::string& name, const weights::LoraConfig& config, uint64_t seed);
  // Gives an adapter a whole tensor that register_whole() allows, replacing one it has; its module
  // joins modules_to_save. A bug when the trunk does not know the name or the shape is another.
  void put_whole(const std::string& adapter, const std::string& tensor, Tensor value);
  // PEFT's name for what an adapter is made for; written to adapter_config.json.
  void set_task_type(const std::string& adapter, const std::string& task_type);
  // A PEFT folder. Errors: modules that this trunk lacks, sizes that do not fit it, whole tensors
  // other than those of register_whole(). Frozen until set_trainable.
  Status load(const std::string& name, const std::string& peft_folder);
  Status save(const std::string& name, const std::string& peft_folder) const;
  Status remove(const std::string& name);

  // The A and B tensors of an adapter, then its whole ones, by PEFT's names; the order is stable.
  std::vector<Parameter> parameters(const std::string& name) const;
  const Adapter* find(const std::string& name) const;
  void set_trainable(const std::string& name, bool trainable);

  // `transposed`: the trunk stores this weight [in, out], which PEFT wants to know.
  void register_module(const std::string& path, int64_t out, int64_t in, bool transposed = false);

  // A tensor that adapters may hold whole.
  void register_whole(const std::string& tensor, std::vector<int64_t> shape);

  // base_output [N, out] plus the adapters' share for input x [N, in] at this module.
  Tensor apply(const std::string& module, const Tensor& x, const Tensor& base_output,
               const AdapterSelection& selection, const AdapterDropout& dropout = {}) const;

  // What the selection adds to this module in all rows alike, by one adapter at most, without
  // dropout: its pair, or null for nothing. None where it is not so simple, and apply() is needed.
  std::optional<const LoraPair*> single_pair(const std::string& module,
                                             const AdapterSelection& selection,
                                             const AdapterDropout& dropout = {}) const;

  // The trunk's linear layers by path.
  struct ModuleSize {
    int64_t out = 0;
    int64_t in = 0;
    bool transposed = false;
  };
  const std::map<std::string, ModuleSize>& modules() const { return modules_; }

 private:
  Result<std::vector<std::string>> targets(const weights::LoraConfig& config) const;
  Result<Adapter> read_adapter(const std::string& name, const std::string& peft_folder) const;
  Tensor apply_stack(const std::string& module, const Tensor& x, Tensor y,
                     const std::vector<std::string>& stack, const AdapterDropout& dropout) const;

  std::map<std::string, ModuleSize> modules_;
  std::map<std::string, std::vector<int64_t>> whole_shapes_;
  std::map<std::string, Adapter> adapters_;
  at::Device device_ = at::kCPU;
};

}  // namespace attune::engine::nn
