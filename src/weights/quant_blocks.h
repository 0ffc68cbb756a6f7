// Stored tensor bytes to fp32 and back.
//
// Decoding follows the published block layouts of GGUF's tensor types and rounds as the `gguf`
// Python package 0.19 does (products and sums in fp32, unfused), so that values agree bit for bit.
//   Q4_0 q·d, q in -8..7     Q5_0 q·d, -16..15     Q8_0 q·d     Q4_1, Q5_1 q·d + m
//   Q2_K, Q4_K, Q5_K (d·scale)·q - dmin·min   Q3_K, Q6_K (d·scale)·q   (blocks of 256)
// Encoding follows the same package: Q8_0 d = max|x|/127 rounding half away from zero; Q4_0 d =
// x/-8 for the x of largest magnitude; Q4_1 d = (max - min)/15.
//
// Pure functions, thread-safe; callers split large tensors by rows.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "weights/dtype.h"

namespace attune::weights {

// Widens or dequantises a whole tensor. `out` holds exactly its elements. Errors: a size of `out`
// or of the view's bytes that does not fit the shape; types without a float meaning here (F8).
Status to_float(const TensorView& tensor, std::span<float> out);

// The same for `row_count` rows from `first_row`; a row is the last dimension, rows are counted
// over all leading dimensions.
Status rows_to_float(const TensorView& tensor, int64_t first_row, int64_t row_count,
                     std::span<float> out);

// Encodes rows of floats into F32, F16, BF16, Q8_0, Q4_0 or Q4_1. `in` must be whole blocks and
// `out` exactly as large as they need. Errors: other types; sizes; values that the type cannot hold
// (NaN or infinity in blocks, more than 65504 in F16).
Status quantize(DType dtype, std::span<const float> in, std::span<uint8_t> out);
bool can_quantize_to(DType dtype);

namespace quant_internal {
using Decoder = void (*)(const uint8_t* blocks, int64_t block_count, float* out);
Decoder k_block_decoder(DType dtype);  // null for other types
}  // namespace quant_internal

}  // namespace attune::weights
