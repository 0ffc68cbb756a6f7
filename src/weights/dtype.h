// Element types of stored tensors, plain and quantised, and the arithmetic of their sizes.
//
// A quantised type stores runs of `block_elements` values of one row in `block_bytes` bytes; the
// block layouts are those of GGUF's tensor types (decoded in weights/quant_blocks.h). Plain types
// are blocks of one element. All multi-byte values are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::weights {

enum class DType {
  kF32,
  kF16,
  kBF16,
  kF64,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool,
  kF8E4M3,
  kF8E5M2,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

// The name as GGUF and safetensors write it ("F32", "Q4_1"); both agree where both have the type.
const char* to_string(DType dtype);
// The inverse; case-insensitive.
std::optional<DType> dtype_from_name(std::string_view name);

int64_t block_elements(DType dtype);
int64_t block_bytes(DType dtype);
bool is_quantised(DType dtype);    // more than one element a block
bool in_safetensors(DType dtype);  // the type has a safetensors spelling

// GGUF's number of a tensor type, both ways; nothing where the format, or Attune, lacks it.
std::optional<uint32_t> gguf_type_of(DType dtype);
std::optional<DType> dtype_from_gguf(uint32_t type);

// Product of the dimensions (1 for a scalar). Errors: negative dimensions, products over 2^62.
Result<int64_t> element_count(const std::vector<int64_t>& shape);
// Bytes of a tensor. Errors: as element_count; a last dimension that is no whole number of blocks.
Result<size_t> byte_count(DType dtype, const std::vector<int64_t>& shape);

// One tensor's bytes, owned by a mapped file or by the caller. `data` may be unaligned: read it
// with memcpy or through weights/quant_blocks.h.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // row-major, the last dimension is contiguous
  const uint8_t* data = nullptr;
  size_t bytes = 0;
};

// "[49152, 576]"
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace attune::weights
