#include "data/import.h"

#include <algorithm>

#include "base/file.h"
#include "base/nearest.h"
#include "data/licence.h"

namespace attune::data {
namespace {

// A layout whose rows stand alone.
class RowByRow : public Importer {
 public:
  RowByRow(const ReadRow& read, const ImportOptions& options) : read_(read), options_(options) {}
  Status read_row(const OrderedJson& row, ImportSink& sink) override {
    return read_(row, options_, sink);
  }

 private:
  const ReadRow& read_;
  const ImportOptions& options_;
};

void count(std::map<std::string, ImportCount>& counts, const std::string& what, int64_t row,
           const std::string& detail) {
  ImportCount& one = counts[what];
  if (one.count++ == 0) {
    one.first_row = row;
    one.first_detail = detail;
  }
}

OrderedJson counts_json(const std::map<std::string, ImportCount>& counts, const char* what) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [name, one] : counts) {
    list.push_back({{what, name}, {"count", one.count}, {"first_row", one.first_row}});
    if (!one.first_detail.empty()) list.back()["first"] = one.first_detail;
  }
  return list;
}

// What import_rows and import_rows_in share: hands rows to the importer of the format.
class Import {
 public:
  Import(const ImportFormat* format, const ImportOptions& options,
         const ImportSink::OnExample& on_example, ImportReport* report)
      : format_(format), options_(options), on_example_(on_example), report_(report) {}

  Status on_row(Row row) {
    ++report_->rows_read;
    if (importer_ == nullptr) start(row.value);
    sink_->begin_row(row.number);
    taker_failed_ = false;
    Status read = importer_->read_row(row.value, *sink_);
    if (read.ok()) return {};
    if (taker_failed_) return read;
    sink_->drop("row that does not fit the layout", read.error().message());
    return {};
  }

  Status on_bad_row(int64_t number, const Error& error) {
    ++report_->rows_read;
    count(report_->dropped, "unreadable row", number, error.message());
    return {};
  }

  Result<const ImportFormat*> finish() {
    if (importer_ == nullptr) return format_ != nullptr ? format_ : &import_formats().back();
    TRY(importer_->finish(*sink_));
    return format_;
  }

 private:
  void start(const OrderedJson& first_row) {
    const bool detected = format_ == nullptr;
    if (detected) format_ = &detect_import_format(first_row);
    importer_ = format_->make != nullptr
                    ? format_->make(options_)
                    : std::make_unique<RowByRow>(format_->read_row, options_);
    auto take = [this](Example example) -> Status {
      Status taken = on_example_(std::move(example));
      taker_failed_ = !taken.ok();
      return taken;
    };
    sink_ = std::make_unique<ImportSink>(options_, format_->source, take, report_);
    const std::vector<std::string> same = formats_of_same_layout(*format_, first_row);
    if (!detected || same.empty()) return;
    sink_->begin_row(1);
    sink_->note(fmt::format("the columns fit {} too: name the data set's own by --format, so that "
                            "\"source\" has its licence",
                            fmt::join(same, ", ")));
  }

  const ImportFormat* format_;
  const ImportOptions& options_;
  const ImportSink::OnExample& on_example_;
  ImportReport* report_;
  std::unique_ptr<Importer> importer_;
  std::unique_ptr<ImportSink> sink_;
  bool taker_failed_ = false;  // the error is the taker's (a full disk), not the row's
};

}  // namespace

OrderedJson ImportReport::to_json() const {
  return {{"rows_read", rows_read},
          {"examples", examples},
          {"dropped", counts_json(dropped, "reason")},
          {"notes", counts_json(notes, "note")},
          {"warnings", counts_json(warnings, "warning")}};
}

void ImportSink::begin_row(int64_t number) {
  row_ = number;
}

Status ImportSink::keep(Example example) {
  Source source = example.source.value_or(Source{});
  auto fill = [](std::string& field, const std::string& value) {
    if (field.empty()) field = value;
  };
  if (!options_.dataset.empty()) source.dataset = options_.dataset;
  if (!options_.licence.empty()) source.licence = options_.licence;
  fill(source.dataset, source_.dataset);
  fill(source.licence, source_.licence);
  fill(source.generated_by, source_.generated_by);
  fill(source.warning, source_.warning);
  if (source.row.empty()) {
    source.row = std::to_string(row_);
    source.row_is_position = true;
  }
  for (const std::string& warning : licence_warnings(source)) {
    count(report_->warnings, warning, row_, "");
  }
  example.source = std::move(source);
  if (example.extra.contains("source")) {  // a text of the row's own under the name of ours
    example.extra["original_source"] = example.extra["source"];
    example.extra.erase("source");
  }
  ++report_->examples;
  return on_example_(std::move(example));
}

void ImportSink::drop(const std::string& reason, const std::string& detail, int64_t row) {
  count(report_->dropped, reason, row == 0 ? row_ : row, detail);
}

void ImportSink::note(const std::string& what, const std::string& detail, int64_t row) {
  count(report_->notes, what, row == 0 ? row_ : row, detail);
}

Status Importer::finish(ImportSink&) {
  return {};
}

Result<const ImportFormat*> find_import_format(std::string_view name) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  std::vector<std::string> names;
  for (const ImportFormat& format : import_formats()) {
    if (wanted == format.name) return &format;
    names.emplace_back(format.name);
  }
  const std::string nearest = nearest_name(wanted, names);
  return usage_error("there is no format \"{}\"; {}", name,
                     nearest.empty() ? fmt::format("known are {}", fmt::join(names, ", "))
                                     : "did you mean " + nearest + "?");
}

const ImportFormat& detect_import_format(const OrderedJson& first_row) {
  for (const ImportFormat& format : import_formats()) {
    if (format.recognises(first_row)) return format;
  }
  return import_formats().back();
}

std::vector<std::string> formats_of_same_layout(const ImportFormat& format,
                                                const OrderedJson& first_row) {
  std::vector<std::string> names;
  for (const ImportFormat& one : import_formats()) {
    const bool takes_all = &one == &import_formats().back();
    if (&one != &format && !takes_all && one.recognises(first_row)) names.emplace_back(one.name);
  }
  return names;
}

Result<const ImportFormat*> import_rows_in(std::string_view bytes, const std::string& name,
                                           const ImportFormat* format, const ImportOptions& options,
                                           const ImportSink::OnExample& on_example,
                                           ImportReport* report) {
  Import work(format, options, on_example, report);
  TRY(for_each_row_in(
      bytes, name, [&work](Row row) { return work.on_row(std::move(row)); },
      [&work](int64_t number, const Error& error) { return work.on_bad_row(number, error); }));
  return work.finish();
}

Result<const ImportFormat*> import_rows(const std::string& path, const ImportFormat* format,
                                        const ImportOptions& options,
                                        const ImportSink::OnExample& on_example,
                                        ImportReport* report) {
  MappedFile file = TRY(MappedFile::open(path));
  return import_rows_in(file.text(), path, format, options, on_example, report);
}

}  // namespace attune::data
