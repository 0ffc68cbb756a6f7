// A SentencePiece .model file of any bytes: an Error, or a tokenizer that encodes and decodes.
#include <cstdint>
#include <string_view>

#include "base/file.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const attune::TemporaryDirectory folder;
  static const std::string path = folder.file("fuzz.model");
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!attune::write_file(path, bytes).ok()) return 0;
  auto tokenizer = attune::text::Tokenizer::from_sentencepiece_file(path);
  if (!tokenizer.ok()) return 0;
  auto ids = tokenizer->encode("Ab 12\xFF \xE4\xBD\xA0<s>  \n");
  tokenizer->decode(ids, false);
  return 0;
}
