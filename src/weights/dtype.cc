#include "weights/dtype.h"

#include <fmt/ranges.h>

#include <array>
#include <cctype>

namespace attune::weights {
namespace {

struct Row {
  DType dtype;
  const char* name;
  int64_t elements;
  int64_t bytes;
  int gguf;  // -1: no such GGUF type
  bool safetensors;
};

constexpr std::array kRows = {
    Row{DType::kF32, "F32", 1, 4, 0, true},         Row{DType::kF16, "F16", 1, 2, 1, true},
    Row{DType::kBF16, "BF16", 1, 2, 30, true},      Row{DType::kF64, "F64", 1, 8, 28, true},
    Row{DType::kI8, "I8", 1, 1, 24, true},          Row{DType::kI16, "I16", 1, 2, 25, true},
    Row{DType::kI32, "I32", 1, 4, 26, true},        Row{DType::kI64, "I64", 1, 8, 27, true},
    Row{DType::kU8, "U8", 1, 1, -1, true},          Row{DType::kU16, "U16", 1, 2, -1, true},
    Row{DType::kU32, "U32", 1, 4, -1, true},        Row{DType::kU64, "U64", 1, 8, -1, true},
    Row{DType::kBool, "BOOL", 1, 1, -1, true},      Row{DType::kF8E4M3, "F8_E4M3", 1, 1, -1, true},
    Row{DType::kF8E5M2, "F8_E5M2", 1, 1, -1, true}, Row{DType::kQ4_0, "Q4_0", 32, 18, 2, false},
    Row{DType::kQ4_1, "Q4_1", 32, 20, 3, false},    Row{DType::kQ5_0, "Q5_0", 32, 22, 6, false},
    Row{DType::kQ5_1, "Q5_1", 32, 24, 7, false},    Row{DType::kQ8_0, "Q8_0", 32, 34, 8, false},
    Row{DType::kQ2_K, "Q2_K", 256, 84, 10, false},  Row{DType::kQ3_K, "Q3_K", 256, 110, 11, false},
    Row{DType::kQ4_K, "Q4_K", 256, 144, 12, false}, Row{DType::kQ5_K, "Q5_K", 256, 176, 13, false},
    Row{DType::kQ6_K, "Q6_K", 256, 210, 14, false},
};

constexpr int64_t kElementsMax = int64_t{1} << 62;

const Row& row(DType dtype) {
  const Row& found = kRows[static_cast<size_t>(dtype)];
  CHECK(found.dtype == dtype, "the type table is out of order");
  return found;
}

}  // namespace

const char* to_string(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const Row& candidate : kRows) {
    if (upper == candidate.name) return candidate.dtype;
  }
  return std::nullopt;
}

int64_t block_elements(DType dtype) {
  return row(dtype).elements;
}
int64_t block_bytes(DType dtype) {
  return row(dtype).bytes;
}
bool is_quantised(DType dtype) {
  return row(dtype).elements > 1;
}
bool in_safetensors(DType dtype) {
  return row(dtype).safetensors;
}

std::optional<uint32_t> gguf_type_of(DType dtype) {
  if (row(dtype).gguf < 0) return std::nullopt;
  return static_cast<uint32_t>(row(dtype).gguf);
}

std::optional<DType> dtype_from_gguf(uint32_t type) {
  for (const Row& candidate : kRows) {
    if (candidate.gguf >= 0 && static_cast<uint32_t>(candidate.gguf) == type)
      return candidate.dtype;
  }
  return std::nullopt;
}

Result<int64_t> element_count(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  bool overflow = false;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) return invalid_input("shape {} has a negative dimension", shape_text(shape));
    // A zero anywhere makes the tensor empty; the other dimensions must still be sane.
    empty = empty || size == 0;
    overflow = overflow || __builtin_mul_overflow(count, size == 0 ? 1 : size, &count);
  }
  if (overflow || count > kElementsMax) {
    return invalid_input("shape {} has more elements than 2^62", shape_text(shape));
  }
  return empty ? 0 : count;
}

Result<size_t> byte_count(DType dtype, const std::vector<int64_t>& shape) {
  int64_t elements = TRY(element_count(shape));
  const Row& type = row(dtype);
  int64_t last = shape.empty() ? 1 : shape.back();
  if (last % type.elements != 0) {
    return invalid_input("shape {}: rows of {} are no whole number of {} blocks of {} elements",
                         shape_text(shape), last, type.name, type.elements);
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(elements / type.elements, type.bytes, &bytes)) {
    return invalid_input("shape {} has more than 2^63 bytes", shape_text(shape));
  }
  return static_cast<size_t>(bytes);
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace attune::weights
