// Norms and activations with fused forward and backward passes on the CPU.
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// y = x / sqrt(mean(x^2) + epsilon) * weight; x [.., D], weight [D]; statistics in fp32.
// arXiv 1910.07467. Differentiable in x and weight.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

// y = (x - mean) / sqrt(var + epsilon) * weight + bias; bias may be undefined. arXiv 1607.06450.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon);

// silu(gate) * up, both [N, F]: the gated feed-forward of arXiv 2002.05202.
Tensor swiglu(const Tensor& gate, const Tensor& up);

// gelu(gate) * up; `tanh` chooses the tanh approximation (Gemma).
Tensor geglu(const Tensor& gate, const Tensor& up, bool tanh);

// gelu(x); exact (erf) or by the tanh approximation (GPT-2's gelu_new).
Tensor gelu(const Tensor& x, bool tanh);

// The same composed of LibTorch's operators: what the fused ones are tested against, and what runs
// where there are none (double precision, other devices).
Tensor rms_norm_reference(const Tensor& x, const Tensor& weight, double epsilon);
Tensor swiglu_reference(const Tensor& gate, const Tensor& up);

}  // namespace attune::engine::ops
