// Requests of any bytes: however they are cut, the same requests and the same refusal, and nothing
// in them that could be read as something else further in.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "server/http/parser.h"

namespace http = attune::http;

namespace {

void check_harmless(const http::Request& request) {
  CHECK(request.path.starts_with("/") && attune::is_utf8(request.path));
  const std::string path = request.path + "/";
  CHECK(path.find("/../") == std::string::npos && path.find("/./") == std::string::npos);
  for (char c : request.path) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  for (const auto& [name, value] : request.headers.all()) {
    CHECK(name.find_first_of(" \t:\r\n") == std::string::npos && !name.empty());
    CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  for (const auto& [name, value] : request.query.items()) {
    CHECK(attune::is_utf8(name) && attune::is_utf8(value));
  }
}

std::string outcome(std::string_view bytes, size_t cut) {
  http::RequestParser parser({.header_bytes = 2000, .header_fields = 20, .body_bytes = 4000});
  std::string text;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, cut);
    bytes.remove_prefix(part.size());
    while (!part.empty() && parser.state() != http::ParserState::kFailed) {
      part.remove_prefix(parser.feed(part));
      CHECK(parser.body_bytes() <= 4000);
      if (parser.state() != http::ParserState::kDone) continue;
      const http::Request request = parser.take();
      check_harmless(request);
      text += request.path + "\n" + request.body + "\n";
    }
    if (parser.state() == http::ParserState::kFailed) return text + parser.fault().text;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::string whole = outcome(text, size + 1);
  CHECK(outcome(text, 1) == whole && outcome(text, 7) == whole, "the cut matters");
  return 0;
}
