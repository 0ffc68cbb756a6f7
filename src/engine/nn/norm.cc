#include "engine/nn/norm.h"

#include "engine/ops/elementwise.h"

namespace attune::engine::nn {

Tensor Norm::forward(const Tensor& x) const {
  return layer_norm ? ops::layer_norm(x, weight, bias, epsilon) : ops::rms_norm(x, weight, epsilon);
}

}  // namespace attune::engine::nn
