// A packed file of any bytes: an error with few words, or a content that is the same whether it
// goes through memory or through a file.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "data/packed.h"

namespace data = attune::data;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view packed(reinterpret_cast<const char*>(bytes), size);
  if (!data::is_packed(packed)) return 0;
  const data::UnpackLimits small = {.bytes_max = size_t{1} << 24};
  const auto whole = data::Unpacked::unpack(packed, small);
  const auto spilled =
      data::Unpacked::unpack(packed, {.bytes_max = size_t{1} << 24, .in_memory_max = 64});
  if (whole.ok() && spilled.ok()) CHECK(whole->bytes() == spilled->bytes());
  CHECK(whole.ok() || !spilled.ok());  // the second may also be refused as a bomb, not the reverse
  if (!whole.ok()) {
    const std::string& message = whole.error().message();
    CHECK(!message.empty() && message.size() < 1000, "{}", message);
  }
  return 0;
}
