// A data file of any bytes read as the layout that it shows and as one more: an error, or examples
// that are written as rows which read the same, and an account in which every number has its row.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "data/import.h"
#include "data/row_faults.h"

namespace data = attune::data;

namespace {

void check_counts(const std::map<std::string, data::ImportCount>& counts) {
  for (const auto& [name, one] : counts) {
    CHECK(one.count > 0 && one.first_row > 0 && !name.empty(), "{}: {}", name, one.count);
  }
}

void import_as(const data::ImportFormat* format, std::string_view text) {
  data::ImportReport report;
  data::ContradictionFinder contradictions;
  int64_t taken = 0;
  auto take = [&](const data::Example& example) -> attune::Status {
    ++taken;
    (void)data::find_row_fault(example);
    contradictions.add(example);
    const std::string written = attune::to_line(data::to_json(example));
    auto again = data::parse_example(attune::parse_ordered_json(written).value());
    CHECK(again.ok(), "{}: {}", again.ok() ? "" : again.error().message(), written);
    CHECK(attune::to_line(data::to_json(*again)) == written, "{}", written);
    return {};
  };
  (void)data::import_rows_in(text, "data", format, {}, take, &report).ok();
  CHECK(report.examples == taken && static_cast<int64_t>(contradictions.find().size()) == taken);
  check_counts(report.dropped);
  check_counts(report.notes);
  check_counts(report.warnings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  import_as(nullptr, text);
  // All layouts for each input would be forty times the work: the bytes choose one.
  const auto& formats = data::import_formats();
  import_as(&formats[std::hash<std::string_view>()(text) % formats.size()], text);
  return 0;
}
