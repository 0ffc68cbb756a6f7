// Tensors of a model, read in Transformers' layout a few rows at a time, and encoded for writing.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "weights/dtype.h"
#include "weights/model_folder_writer.h"

namespace attune::weights {

// Rows that make a part of about 4 MB in fp32.
int64_t rows_per_part(int64_t row_size);

// Encodes `rows` rows of `row_size` values as `dtype`: fetch(first, values) fills the values of
// whole rows from `first` on; the encoded bytes go to the sink. Errors name the tensor.
Status encode_rows(const TensorSpec& spec, const ByteSink& sink,
                   const std::function<Status(int64_t first_row, std::span<float>)>& fetch);

// Whether the embedding has the rows that config.json's vocab_size means; an error names both.
Status check_embedding(const ModelFiles& files);

// The type that all matrices of a model have when they are plain floats of one type, else F32.
DType common_float_type(const ModelFiles& files);

// "F32", "BF16", ... -> what config.json calls it: "float32", "bfloat16", "float16".
const char* torch_dtype_name(DType dtype);

}  // namespace attune::weights
