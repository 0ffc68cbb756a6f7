// parse_json on any bytes: a value that prints and parses again to itself, or an Error; never more.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = attune::parse_json(text);
  if (!parsed.ok()) return 0;
  auto again = attune::parse_json(parsed.value().dump());
  CHECK(again.ok(), "what parse_json accepts must print as JSON: {}", again.error().message());
  return 0;
}
