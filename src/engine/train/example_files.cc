#include "engine/train/example_files.h"

#include "data/rows.h"

namespace attune::engine::train {
namespace {

// Ends the reading of a file when enough rows have come; never shown.
constexpr std::string_view kEnough = "enough rows";

}  // namespace

Status for_each_example(const std::vector<std::string>& files, const ExampleFileOptions& options,
                        DataReport* report,
                        const std::function<void(const RowName&, const data::Example&)>& take) {
  const auto full = [&] { return options.max_rows && report->rows_read() >= *options.max_rows; };
  for (const std::string& file : files) {
    const auto take_row = [&](const data::Row& row) -> Status {
      if (full()) return Error(ErrorCode::kCancelled, std::string(kEnough));
      report->count_read();
      const RowName name{file, row.number};
      const auto example = data::parse_example(row.value, options.text_field);
      if (example.ok()) {
        take(name, *example);
      } else {
        report->drop(name, "not an example", example.error().message());
      }
      return {};
    };
    const auto take_bad = [&](int64_t number, const Error& error) -> Status {
      if (full()) return Error(ErrorCode::kCancelled, std::string(kEnough));
      report->count_read();
      report->drop({file, number}, "unreadable", error.message());
      return {};
    };
    const Status status = data::for_each_row(file, take_row, take_bad);
    if (!status.ok() && status.error().message() != kEnough) return status;
  }
  return {};
}

void count_source(const data::Example& example, DataReport* report) {
  report->count_licence(example.source ? example.source->licence : "");
  if (!example.guideline_version.empty()) report->count_guideline(example.guideline_version);
  if (!example.annotator.empty()) report->count_annotator(example.annotator);
}

}  // namespace attune::engine::train
