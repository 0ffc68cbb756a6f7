// parse_safetensors on any bytes: tensors inside of the bytes that can be decoded, or an Error.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "weights/quant_blocks.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace weights = attune::weights;
  auto contents = weights::parse_safetensors({data, size});
  if (!contents.ok()) return 0;
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
