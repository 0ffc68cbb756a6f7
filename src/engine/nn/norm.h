// A norm with its learned scale (and shift): RMS norm or LayerNorm over the last dimension.
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::nn {

struct Norm {
  Tensor weight;            // [D]; undefined: this layer has no such norm
  Tensor bias;              // [D]; LayerNorm only, may be undefined
  double epsilon = 0.0;
  bool layer_norm = false;  // else RMS norm

  bool present() const { return weight.defined(); }
  Tensor forward(const Tensor& x) const;
};

}  // namespace attune::engine::nn
