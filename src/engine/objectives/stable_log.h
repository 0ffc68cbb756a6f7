// Logarithms that stay finite and exact where the plain formula cancels or overflows. All are
// differentiable and keep the input's type (fp32 or double).
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// log(1 / (1 + e^-x)) = -softplus(-x).
Tensor log_sigmoid(const Tensor& x);

// log(1 - e^x) for x < 0: by log(-expm1(x)) near 0 and log1p(-e^x) elsewhere. A log-probability of
// exactly 0 (a certain completion) is read as -1e-7, so that odds stay finite; its gradient is 0.
Tensor log1m_exp(const Tensor& x);

}  // namespace attune::engine::objectives
