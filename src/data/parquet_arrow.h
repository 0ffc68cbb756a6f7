// Arrow's arrays as JSON and JSON as Arrow's arrays: the inside of attune_parquet.so
// (parquet_plugin.h). Only its sources include Arrow.
#pragma once

#include <arrow/api.h>

#include <memory>
#include <string>

#include "base/json.h"

namespace attune::data {

// The value at `row`. Errors are values that JSON cannot hold, which name nothing: the caller adds
// the column.
arrow::Result<OrderedJson> json_of(const arrow::Array& array, int64_t row);

// The Arrow type that a type of parquet_schema.h stands for.
arrow::Result<std::shared_ptr<arrow::DataType>> type_of(const Json& type);

// Appends a value of that type (null where it is null or absent).
arrow::Status append_json(const Json& type, const OrderedJson* value, arrow::ArrayBuilder& builder);

}  // namespace attune::data
