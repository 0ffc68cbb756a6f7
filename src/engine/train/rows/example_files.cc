#include "engine/train/rows/example_files.h"

#include "data/licence.h"
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
        report->drop(name, data::kNotAnExample, example.error().message());
      }
      return {};
    };
    const auto take_bad = [&](int64_t number, const Error& error) -> Status {
      if (full()) return Error(ErrorCode::kCancelled, std::string(kEnough));
      report->count_read();
      report->drop({file, number}, data::kUnreadableRow, error.message());
      return {};
    };
    const Status status = data::for_each_row(file, take_row, take_bad);
    if (!status.ok() && status.error().message() != kEnough) return status;
  }
  return {};
}

void count_source(const data::Example& example, DataReport* report) {
  count_source(RowSource::of(example), report);
}

void count_source(const RowSource& source, DataReport* report) {
  report->count_licence(source.source ? source.source->licence : "");
  if (source.source) {
    for (const std::string& one : data::licence_warnings(*source.source)) {
      report->count_warning(one);
    }
  }
  if (!source.guideline_version.empty()) report->count_guideline(source.guideline_version);
  if (!source.annotator.empty()) report->count_annotator(source.annotator);
  if (source.source && !source.source->snapshot.empty()) {
    report->count_snapshot(source.source->snapshot);
  }
}

RowSource RowSource::of(const data::Example& example) {
  RowSource source{example.source, example.guideline_version, example.annotator};
  if (source.source) source.source->row.clear();
  return source;
}

data::RowError contradiction(const RowName& other) {
  return data::refuse_row(
      data::kContradictoryRows,
      "{} row {} prefers the other of the same answers, by the same annotator or by nobody named; "
      "name the annotators where two people said so, or set contradictory_rows: keep",
      other.file, other.number);
}

Result<Contradictions> read_contradictions(const Json& config) {
  const std::string name = TRY(get_string_or(config, "contradictory_rows", "skip"));
  return name == "keep" ? Contradictions::kKeep : Contradictions::kSkip;
}

}  // namespace attune::engine::train
