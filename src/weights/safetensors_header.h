// The JSON header of a safetensors file, read strictly and without building a document. Used by
// weights/safetensors.cc; file formats and limits are described in weights/safetensors.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/safetensors.h"

namespace attune::weights {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<uint64_t> offsets;  // begin and end within the data area
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // as written
  SafetensorsMetadata metadata;
};

// Errors: no JSON; anything but name -> {dtype, shape, data_offsets}; a key twice or missing.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json);

}  // namespace attune::weights
