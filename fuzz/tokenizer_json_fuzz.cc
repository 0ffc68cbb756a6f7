// Tokenizer::from_json on any bytes: an Error, or a tokenizer that encodes, decodes and writes
// itself.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto json = attune::parse_json(bytes);
  if (!json.ok()) return 0;
  auto tokenizer = attune::text::Tokenizer::from_json(*json);
  if (!tokenizer.ok()) return 0;
  std::string_view text = "Ab 12\xFF \xE4\xBD\xA0<s>  \n";
  auto encoding = tokenizer->encode_with_offsets(text);
  CHECK(encoding.ids == tokenizer->encode(text), "offsets must not change the ids");
  for (auto [begin, end] : encoding.offsets) {
    CHECK(begin <= end && end <= text.size(), "offsets must lie within the text");
  }
  tokenizer->decode(encoding.ids, false);
  attune::text::StreamDecoder stream(*tokenizer);
  for (int32_t id : encoding.ids) stream.push(id);
  stream.finish();
  auto again = attune::text::Tokenizer::from_json(tokenizer->to_json());
  CHECK(again.ok(), "what to_json writes must be read: {}", again.error().message());
  CHECK(again->encode(text) == encoding.ids, "what to_json writes must give the same ids");
  return 0;
}
