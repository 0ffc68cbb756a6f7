// For tests: the device of their models and tensors (base/test_device.h). What computes
// with a model is asked for the same values on the CPU and, by bench/gpu.sh, on a GPU.
#pragma once

#include <vector>

#include "base/check.h"
#include "base/test_device.h"
#include "engine/tensor/device.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {

inline at::Device test_device() {
  const auto device = parse_device(test_device_name());
  CHECK(device.ok(), "ATTUNE_TEST_DEVICE: {}", device.error().message());
  return *device;
}

inline Tensor on_test_device(const Tensor& tensor) { return tensor.to(test_device()); }

inline std::vector<Tensor> on_test_device(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> moved;
  for (const Tensor& tensor : tensors) moved.push_back(on_test_device(tensor));
  return moved;
}

}  // namespace attune::engine
