// The three update rules behind optim/optimizer.h; include that one.
#pragma once

#include <utility>
#include <vector>

#include "engine/optim/optimizer.h"

namespace attune::engine::optim {

// Decoupled weight decay (arXiv 1711.05101) with torch's bias-corrected step:
// p -= lr * wd * p;  p -= lr * m_hat / (sqrt(v_hat) + eps). One fused pass over all fp32 parameters
// of the CPU; others go through LibTorch's fused operator.
class AdamW : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters), {"exp_avg", "exp_avg_sq"}) {}
  void step(double learning_rate, double gradient_scale) override;

 private:
  void step_flat(const std::vector<size_t>& indices, double learning_rate, double gradient_scale);
  void step_alone(size_t index, double learning_rate, double gradient_scale);
};

// buffer = momentum * buffer + g (the first buffer is g);  p -= lr * buffer.
class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters),
                  options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                        : std::vector<std::string>{}) {}
  void step(double learning_rate, double gradient_scale) override;
};

// v = alpha * v + (1 - alpha) * g^2;  p -= lr * g / (sqrt(v) + eps), with momentum on that step.
class Rmsprop : public Optimizer {
 public:
  Rmsprop(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters),
                  options.momentum != 0 ? std::vector<std::string>{"square_avg", "momentum_buffer"}
                                        : std::vector<std::string>{"square_avg"}) {}
  void step(double learning_rate, double gradient_scale) override;
};

}  // namespace attune::engine::optim
