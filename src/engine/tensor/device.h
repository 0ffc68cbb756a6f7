// Where tensors live, and how much room is left there.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {

// "cpu", "cuda", "cuda:1", or "auto" (the first CUDA device of a CUDA build, else the CPU).
// kInvalidInput for another name, kUnsupported for a device this build or machine does not have.
// A CUDA device comes with LibTorch's deterministic algorithms, for the whole process.
Result<at::Device> parse_device(const std::string& name);

// Whether products of float32 on a GPU are computed in TensorFloat-32: eight times as fast at most,
// with 10 bits of mantissa. Off until asked for; for the whole process.
void allow_tf32(bool allowed);

// Bytes that can still be allocated: on the CPU without swapping, the system's estimate, cut by the
// control group's limit; what the arena keeps unused counts as free. On a GPU what its driver says.
int64_t free_memory_bytes(at::Device device = at::kCPU);

// Physical memory of this process's world (system or control group).
int64_t total_memory_bytes();

}  // namespace attune::engine
