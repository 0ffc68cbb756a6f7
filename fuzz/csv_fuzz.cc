// CSV of any bytes: records whose fields survive being written and read again, or an Error.
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "data/csv.h"

namespace data = attune::data;
using Fields = std::vector<std::string>;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)data::for_each_csv_record(text, [](int64_t, Fields fields) -> attune::Status {
    CHECK(!fields.empty());
    if (fields == Fields{""}) return {};  // `""` alone on a line: written, it is an empty line
    Fields again;
    auto read = data::for_each_csv_record(
        data::to_csv_record(fields), [&again](int64_t line, Fields found) -> attune::Status {
          CHECK(line == 1 && again.empty(), "one record became several");
          again = std::move(found);
          return {};
        });
    CHECK(read.ok() && again == fields, "a record changed");
    return {};
  }).ok();
  return 0;
}
