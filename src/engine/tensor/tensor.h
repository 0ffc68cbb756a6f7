// The only door to LibTorch's tensor type, and the letters that shape comments use everywhere:
//
//   B  batch (rows of a data set)     N  packed tokens of one pass      S  segments of one pass
//   T  positions of one sequence      D  model width                    H  attention heads
//   Hk key/value heads                Dh width of one head              F  feed-forward width
//   V  vocabulary                     R  requested rows (<= N)          r  LoRA rank
//
// Example: `hidden [N, D]`. Everything above tensor/ writes Tensor, never at::Tensor.
#pragma once

// LibTorch's logging header defines a CHECK of its own; ours (base/check.h) is the one that counts,
// whichever of the two is included first.
#pragma push_macro("CHECK")
#undef CHECK
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>
#undef CHECK
#pragma pop_macro("CHECK")

namespace attune::engine {

using Tensor = at::Tensor;

}  // namespace attune::engine
