// The three update rules behind optim/optimizer.h; include that one.
#pragma once

#include <utility>
#include <vector>

#include "engine/optim/optimizer.h"

namespace attune::engine::optim {

// Decoupled weight decay (arXiv 1711.05101) with torch's bias-corrected step:
// p -= lr * wd * p;  p -= lr * m_hat / (sqrt(v_hat) + eps). One fused pass over each parameter.
class AdamW : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters), {"exp_avg", "exp_avg_sq"}) {}
  void step(double learning_rate) override;

 private:
  void step_group(const std::vector<size_t>& group, double learning_rate, double weight_decay);
};

// buffer = momentum * buffer + g (the first buffer is g);  p -= lr * buffer.
class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters),
                  options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                        : std::vector<std::string>{}) {}
  void step(double learning_rate) override;
};

// v = alpha * v + (1 - alpha) * g^2;  p -= lr * g / (sqrt(v) + eps), with momentum on that step.
class Rmsprop : public Optimizer {
 public:
  Rmsprop(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters),
                  options.momentum != 0 ? std::vector<std::string>{"square_avg", "momentum_buffer"}
                                        : std::vector<std::string>{"square_avg"}) {}
  void step(double learning_rate) override;
};

}  // namespace attune::engine::optim
