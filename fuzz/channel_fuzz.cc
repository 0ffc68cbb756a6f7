// A line of the request channel of any bytes: a request or an Error, whose answer is a line too.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "protocol/channel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace protocol = attune::protocol;
  std::string_view line(reinterpret_cast<const char*>(data), size);
  (void)protocol::check_handshake(line).ok();
  std::string id = "left from before";
  auto request = protocol::parse_request(line, &id);
  if (request.ok()) {
    CHECK(request->id == id && !id.empty());
    CHECK(!request->params.contains("id") && !request->params.contains("kind"));
    return 0;
  }
  const std::string answer = attune::to_line(protocol::error_event(id, request.error()));
  CHECK(answer.find('\n') == std::string::npos && attune::parse_json(answer).ok(), "{}", answer);
  return 0;
}
