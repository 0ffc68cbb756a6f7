// A job file of any bytes: a job that is written and read the same, or an Error.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "protocol/job.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace protocol = attune::protocol;
  auto parsed = attune::parse_json({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  auto job = protocol::parse_job(*parsed);
  if (!job.ok()) return 0;
  auto again = protocol::parse_job(protocol::to_json(*job));
  CHECK(again.ok(), "{}", again.error().message());
  CHECK(protocol::to_json(*again) == protocol::to_json(*job));
  return 0;
}
