// Supervised fine-tuning objectives as pure functions of token log-probs (losses.md §4.1).
//
// `normaliser` is the number of trained tokens of the *whole* optimiser step, over all
// micro-batches and ranks, so that adding the losses of the micro-batches gives the step's mean.
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// Negative log-likelihood: -sum(log_probs * mask) / normaliser. log_probs [R] fp32
// (differentiable), mask [R] (0 or 1; undefined: all ones). Scalar.
Tensor nll(const Tensor& log_probs, const Tensor& mask, double normaliser);

// Dynamic fine-tuning (arXiv 2508.05629): each token's term is weighted by its own probability,
// which carries no gradient: -sum(stop_gradient(p) * log p * mask) / normaliser.
Tensor dft(const Tensor& log_probs, const Tensor& mask, double normaliser);

}  // namespace attune::engine::objectives
