// parse_gguf on any bytes: tensors and values inside of the bytes that can be decoded, or an Error.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "weights/gguf.h"
#include "weights/quant_blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace weights = attune::weights;
  auto contents = weights::parse_gguf({data, size});
  if (!contents.ok()) return 0;
  for (const auto& [key, value] : contents->metadata) {
    (void)attune::to_line(value.as_json());
    (void)value.as_strings().ok();
    (void)value.as_ints().ok();
    (void)value.as_floats().ok();
  }
  size_t covered = 0;
  for (const weights::TensorView& tensor : contents->tensors) {
    covered += tensor.bytes;
    std::vector<float> values(
        static_cast<size_t>(weights::element_count(tensor.shape).value()));
    (void)weights::to_float(tensor, values).ok();
  }
  CHECK(covered <= size, "tensors of {} bytes in a file of {}", covered, size);
  return 0;
}
