// Gradients of all trainable parameters together: their norm, clipping, and whether they are
// numbers. Single-threaded callers; exceptions of LibTorch pass through.
#pragma once

#include <string>
#include <vector>

#include "engine/optim/optimizer.h"

namespace attune::engine::optim {

// The L2 norm over all gradients as one vector, each tensor's squares summed in one pass over it.
// NaN or infinite when any gradient is.
double grad_norm(const std::vector<NamedTensor>& parameters);

// torch.nn.utils.clip_grad_norm_: scales every gradient by max_norm / (norm + 1e-6) when that is
// below 1. Returns the norm *before* clipping. max_norm <= 0 measures only. Gradients are left
// alone when the norm is not finite.
double clip_grad_norm(const std::vector<NamedTensor>& parameters, double max_norm);

// Names of the parameters (at most `limit`) whose gradient has a NaN or an infinity.
std::vector<std::string> non_finite_gradients(const std::vector<NamedTensor>& parameters,
                                              size_t limit = 5);

}  // namespace attune::engine::optim
