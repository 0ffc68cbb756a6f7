// Gradients of all trainable parameters together: their norm, clipping, and whether they are
// numbers. Single-threaded callers; exceptions of LibTorch pass through.
#pragma once

#include <string>
#include <vector>

#include "engine/optim/optimizer.h"

namespace attune::engine::optim {

// The L2 norm over all gradients as one vector, in one pass over them. NaN or infinite when any
// gradient is.
double grad_norm(const std::vector<NamedTensor>& parameters);

// What torch.nn.utils.clip_grad_norm_ multiplies the gradients by: max_norm / (norm + 1e-6) where
// that is below 1, else 1. max_norm <= 0 means no clipping. Optimizer::step takes it.
double clip_factor(double norm, double max_norm);

// Names of the parameters (at most `limit`) whose gradient has a NaN or an infinity.
std::vector<std::string> non_finite_gradients(const std::vector<NamedTensor>& parameters,
                                              size_t limit = 5);

}  // namespace attune::engine::optim
