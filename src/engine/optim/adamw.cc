#include "engine/optim/update_rules.h"

#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "engine/optim/flat.h"

namespace attune::engine::optim {
namespace {

// One parameter's numbers of one step.
struct Update {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* mean = nullptr;
  float* square = nullptr;
  float keep = 1;             // of the parameter, after decay
  float step_size = 0;        // learning rate / (1 - beta1^t)
  float square_scale = 1;     // 1 / sqrt(1 - beta2^t)
  float epsilon = 0;          // beside the corrected root
};

struct Rule {
  float gradient_scale, mean_rate, square_keep, square_rate;
};

// Reads and writes each array once; the loop is bound by memory. Vectorised by the compiler.
void update_slice(const Update& u, const Rule& rule, int64_t begin, int64_t end) {
  float* __restrict parameter = u.parameter;
  const float* __restrict gradient = u.gradient;
  float* __restrict mean = u.mean;
  float* __restrict square = u.square;
  for (int64_t i = begin; i < end; ++i) {
    const float g = gradient[i] * rule.gradient_scale;
    const float m = mean[i] + rule.mean_rate * (g - mean[i]);
    const float s = rule.square_keep * square[i] + rule.square_rate * g * g;
    mean[i] = m;
    square[i] = s;
    const float root = std::sqrt(s) * u.square_scale + u.epsilon;
    parameter[i] = parameter[i] * u.keep - u.step_size * (m / root);
  }
}

// Epsilon beside the bias-corrected root at update `count`, which on a GPU would be waited for:
// m / (sqrt(v) + e) with the correction sqrt(1 - beta2^t) drawn out is
// m / (sqrt(v_hat) + e / sqrt(1 - beta2^t)).
double epsilon_at(const OptimizerOptions& options, const Tensor& count) {
  if (options.epsilon_form == EpsilonForm::kTorch) return options.epsilon;
  return options.epsilon / std::sqrt(1.0 - std::pow(options.beta2, count.item<double>()));
}

bool plain_fp32(const Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous();
}

}  // namespace

void AdamW::step(double learning_rate, double gradient_scale) {
  const c10::NoGradGuard no_grad;
  std::vector<size_t> with_gradient;
  bool fits = true;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& parameter = parameters_[i].tensor;
    if (!parameter.grad().defined()) continue;
    slots_of(i)[2].add_(1);
    with_gradient.push_back(i);
    fits = fits && plain_fp32(parameter) && plain_fp32(parameter.grad());
  }
  if (fits) {
    step_flat(with_gradient, learning_rate, gradient_scale);
  } else {
    for (size_t i : with_gradient) step_alone(i, learning_rate, gradient_scale);
  }
}

void AdamW::step_flat(const std::vector<size_t>& indices, double learning_rate,
                      double gradient_scale) {
  Flat flat;
  std::vector<Update> updates;
  for (size_t i : indices) {
    Tensor& parameter = parameters_[i].tensor;
    std::vector<Tensor>& slots = slots_of(i);
    const double count = slots[2].item<double>();
    Update u;
    u.parameter = parameter.data_ptr<float>();
    u.gradient = parameter.grad().const_data_ptr<float>();
    u.mean = slots[0].data_ptr<float>();
    u.square = slots[1].data_ptr<float>();
    const double decay = decays(parameters_[i].name) ? options_.weight_decay : 0.0;
    const double rate = learning_rate * parameters_[i].rate;
    u.keep = static_cast<float>(1.0 - rate * decay);
    u.step_size = static_cast<float>(rate / (1.0 - std::pow(options_.beta1, count)));
    u.square_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.beta2, count)));
    u.epsilon = static_cast<float>(epsilon_at(options_, slots[2]));
    updates.push_back(u);
    flat.add(parameter.numel());
  }
  const Rule rule{static_cast<float>(gradient_scale), static_cast<float>(1.0 - options_.beta1),
                  static_cast<float>(options_.beta2), static_cast<float>(1.0 - options_.beta2)};
  flat.each_slice([&](int64_t, size_t tensor, int64_t begin, int64_t end) {
    update_slice(updates[tensor], rule, begin, end);
  });
}

void AdamW::step_alone(size_t index, double learning_rate, double gradient_scale) {
  Tensor& parameter = parameters_[index].tensor;
  std::vector<Tensor>& slots = slots_of(index);
  Tensor gradient = parameter.grad();
  if (gradient_scale != 1) gradient = gradient * gradient_scale;
  const double decay = decays(parameters_[index].name) ? options_.weight_decay : 0.0;
  at::_fused_adamw_(parameter, gradient, slots[0], slots[1], {}, slots[2],
                    learning_rate * parameters_[index].rate, options_.beta1, options_.beta2, decay,
                    epsilon_at(options_, slots[2]),
                    /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace attune::engine::optim
