// Any text as a Python literal: an error, or JSON that is written and read again.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "data/python_literal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (!attune::is_utf8(text)) return 0;  // what is no UTF-8 is refused before, as a row
  const auto value = attune::data::parse_python_literal(text);
  if (!value.ok()) {
    CHECK(value.error().message().size() < 1000);
    return 0;
  }
  const std::string line = attune::to_line(*value);
  const auto again = attune::parse_ordered_json(line);
  CHECK(again.ok() && attune::to_line(*again) == line, "{}", line);
  return 0;
}
