// Where tensors live, and how much room is left there.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {

// "cpu", "cuda", "cuda:1", or "auto" (the first CUDA device of a CUDA build, else the CPU).
// kInvalidInput for another name, kUnsupported for a device this build or machine does not have.
Result<at::Device> parse_device(const std::string& name);

// Bytes that can still be allocated: on the CPU without swapping, the system's estimate, cut by the
// control group's limit; what the arena keeps unused counts as free. On a GPU what its driver says.
int64_t free_memory_bytes(at::Device device = at::kCPU);

// Physical memory of this process's world (system or control group).
int64_t total_memory_bytes();

}  // namespace attune::engine
