// A data file of any bytes: rows with rising numbers that are examples or errors; an example is
// written as a row that reads the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "data/example.h"
#include "data/rows.h"

namespace data = attune::data;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  int64_t last = 0;
  auto rising = [&last](int64_t number) {
    CHECK(number > last, "row {} after {}", number, last);
    last = number;
  };
  auto on_row = [&](data::Row row) -> attune::Status {
    rising(row.number);
    attune::Result<data::Example> example = data::parse_example(row.value);
    if (!example.ok()) return {};
    const std::string written = attune::to_line(data::to_json(*example));
    auto again = data::parse_example(attune::parse_ordered_json(written).value());
    CHECK(again.ok(), "an example that is not read again: {}", written);
    CHECK(attune::to_line(data::to_json(*again)) == written, "{}", written);
    return {};
  };
  auto on_bad_row = [&](int64_t number, const attune::Error& error) -> attune::Status {
    rising(number);
    CHECK(!error.message().empty() && error.message().size() < 1000, "{}", error.message());
    return {};
  };
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)data::for_each_row_in(text, "data", on_row, on_bad_row).ok();
  return 0;
}
