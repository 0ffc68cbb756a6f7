// Optimisers over named parameters: AdamW, SGD and RMSprop with the semantics of torch.optim 2.13.
//
// An optimiser keeps its state (moments, step count) in fp32, one set per parameter, made with it:
// the memory of a run is then taken before its first pass, and the state does not lie scattered
// over what the passes need. Gradients are read from the parameters' `.grad`; a parameter without a
// gradient is left alone, as in torch. Updates happen in place and without recording.
//
// State is saved and restored by parameter name, so that a checkpoint does not depend on order.
// Not thread-safe. Exceptions of LibTorch pass through.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::optim {

struct NamedTensor {
  std::string name;
  Tensor tensor;
  double rate = 1;  // of a parameter: times the learning rate (a value model beside a policy)
};

enum class OptimizerKind { kAdamW, kSgd, kRmsprop };

// Where AdamW's epsilon stands (losses.md §15.1). With the same number torch's takes larger early
// steps.
enum class EpsilonForm {
  kTorch,  // beside the bias-corrected root: Kingma and Ba, Algorithm 1
  kTf1,    // beside the plain root ("epsilon hat"): TensorFlow 1, OpenAI's first PPO code
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double weight_decay = 0.0;  // decoupled for AdamW, added to the gradient for the others
  double beta1 = 0.9;         // AdamW
  double beta2 = 0.999;       // AdamW
  double epsilon = 1e-8;      // AdamW, RMSprop: added to the root, not under it
  EpsilonForm epsilon_form = EpsilonForm::kTorch;  // AdamW
  double momentum = 0.0;      // SGD, RMSprop
  bool nesterov = false;      // SGD
  double alpha = 0.99;        // RMSprop's smoothing
};

// Transformers' names: adamw_torch, adamw_torch_fused, adamw_hf -> AdamW; sgd; rmsprop. Anything
// else is kInvalidInput and names the accepted ones.
Result<OptimizerKind> parse_optimizer_kind(const std::string& name);

// Whether Transformers' Trainer applies weight decay to a parameter of this name: not to biases and
// norms (transformers 5.23, Trainer.get_decay_parameter_names).
bool decays(const std::string& parameter_name);

class Optimizer {
 public:
  // The parameters are leaves that require grad; their number and shapes stay as they are.
  static std::unique_ptr<Optimizer> create(const OptimizerOptions& options,
                                           std::vector<NamedTensor> parameters);
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One update of every parameter that has a gradient, which counts gradient_scale times (clipping:
  // optim/gradients.h); the gradients themselves stay as they are.
  virtual void step(double learning_rate, double gradient_scale) = 0;
  void step(double learning_rate) { step(learning_rate, 1.0); }

  // Frees all gradients.
  void zero_grad();

  const std::vector<NamedTensor>& parameters() const { return parameters_; }

  // Every state tensor of the parameters that have had an update, as "<parameter>.<state>", for
  // example "model.norm.weight.exp_avg"; the number of updates is "<parameter>.step" [1]. Tensors
  // are the live ones, not copies.
  std::vector<NamedTensor> state() const;

  // Puts back what state() gave. kInvalidInput names a tensor that is missing or of another shape.
  Status load_state(const std::map<std::string, Tensor>& tensors);

 protected:
  Optimizer(const OptimizerOptions& options, std::vector<NamedTensor> parameters,
            std::vector<std::string> slots);

  // The state tensors of parameter `index` in the order of `slots`, zero before its first update;
  // the last one is the step count, [1] fp32.
  std::vector<Tensor>& slots_of(size_t index) { return slots_[index]; }

  OptimizerOptions options_;
  std::vector<NamedTensor> parameters_;

 private:
  std::vector<std::string> slot_names_;     // without "step"
  std::vector<std::vector<Tensor>> slots_;  // by parameter
};

}  // namespace attune::engine::optim
