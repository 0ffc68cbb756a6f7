// Norm and gated activation by our kernels, without recording: what ops/elementwise.h and
// ops/linear.h are made of. fp32 tensors of the CPU, contiguous; internal to ops/.
#pragma once

#include <utility>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// Whether kernels for tensors like these are here.
bool row_kernels_fit(const Tensor& a, const Tensor& b);

// rms_norm(x) for x [.., D]; fills inverse_rms [rows]. The same inputs give the same bits again.
Tensor rms_norm_rows(const Tensor& x, const Tensor& weight, double epsilon, Tensor& inverse_rms);
// d x and d weight from d y and what the forward pass had.
std::pair<Tensor, Tensor> rms_norm_rows_backward(const Tensor& x, const Tensor& weight,
                                                 Tensor& inverse_rms, const Tensor& d_y);

Tensor swiglu_rows(const Tensor& gate, const Tensor& up);
// d gate and d up.
std::pair<Tensor, Tensor> swiglu_rows_backward(const Tensor& gate, const Tensor& up,
                                               const Tensor& d_y);

}  // namespace attune::engine::ops
