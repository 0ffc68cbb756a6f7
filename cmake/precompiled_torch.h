// What nearly every unit of the engine reads of LibTorch. Its logging header defines a CHECK of its
// own: base/check.h's is the one that counts.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/Logging.h>

#undef CHECK
