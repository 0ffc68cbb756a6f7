// A Parquet file of any bytes: rows with rising numbers that are JSON objects, or errors, within
// bounds of memory. Where Arrow cannot be loaded that is the error.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "data/parquet.h"

namespace data = attune::data;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  int64_t rows = 0;
  const auto on_row = [&rows](int64_t number, std::string_view json) -> attune::Status {
    CHECK(number == ++rows, "row {} after {}", number, rows - 1);
    CHECK(!json.empty() && json.front() == '{' && json.back() == '}');
    if (rows > 10000) return attune::invalid_input("enough");
    return {};
  };
  const auto on_bad_row = [&rows](int64_t number, const attune::Error& error) -> attune::Status {
    CHECK(number == ++rows && !error.message().empty());
    return {};
  };
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto status = data::for_each_parquet_row(text, "data", on_row, on_bad_row);
  CHECK(status.ok() || status.error().message().starts_with("data: ") ||
        status.error().message() == "enough");
  return 0;
}
