// A chat template of any bytes over a fixed conversation: text within the limits, or an Error.
#include <cstdint>
#include <ctime>
#include <string_view>

#include "base/check.h"
#include "text/jinja/parser.h"
#include "text/jinja/rendering.h"

namespace jinja = attune::text::jinja;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const attune::OrderedJson messages = attune::OrderedJson::parse(
      R"([{"role": "system", "content": "s"}, {"role": "user", "content": "é <b>\n"},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "n": 1.5}]}])");
  auto parsed = jinja::parse_template({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  constexpr jinja::Limits kLimits = {
      .steps_max = 20'000, .bytes_max = 1 << 20, .output_bytes_max = 1 << 16};
  auto list = jinja::from_json(messages);
  auto rendered = jinja::Rendering(*parsed, kLimits, std::tm{}).run({{"messages", *list}});
  if (!rendered.ok()) return 0;
  CHECK(rendered->text.size() <= kLimits.output_bytes_max, "{} bytes", rendered->text.size());
  for (auto [begin, end] : rendered->generated) {
    CHECK(begin <= end && end <= rendered->text.size(), "a span outside of the text");
  }
  return 0;
}
