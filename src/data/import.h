// Published data sets as canonical examples (example.h): one importer for each layout, in one table
// that the command line and the server share.
//
// Nothing is dropped in silence: a row that gives no example is counted under a reason with the
// first such row's number and message, and so is what was changed. Every example names its source.
// What becomes of each column: docs/formats/import.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/example.h"
#include "data/rows.h"

namespace attune::data {

struct ImportOptions {
  std::vector<std::string> languages =
      {};                     // keep these only (BCP 47, "en"); empty keeps all. OASST.
  std::string dataset = {};   // replaces the format's own name in `source`; "" keeps it
  std::string licence = {};   // likewise
  std::string question = {};  // whose answers make the rows; "" takes the one that fits. Argilla.
  // Instructions: one text in Stanford Alpaca's words instead of a user's turn.
  bool alpaca_prompt = false;
  bool strip_citations = false;  // Wikipedia's "[42]" out of contexts. Dolly.
};

// Rows or replies that met the same fate.
struct ImportCount {
  int64_t count = 0;
  int64_t first_row = 0;     // of the file, 1-based
  std::string first_detail;  // what that row's message says; may be empty
};

struct ImportReport {
  int64_t rows_read = 0;
  int64_t examples = 0;
  std::map<std::string, ImportCount> dropped;   // by reason
  std::map<std::string, ImportCount> notes;     // kept, but worth knowing: by what was seen
  std::map<std::string, ImportCount> warnings;  // licence_warnings() of the examples' sources

  OrderedJson to_json() const;
};

// Where importers put what they make of rows. The row at work is set by import_rows.
class ImportSink {
 public:
  using OnExample = std::function<Status(Example)>;
  ImportSink(const ImportOptions& options, Source source, OnExample on_example,
             ImportReport* report)
      : options_(options),
        source_(std::move(source)),
        on_example_(std::move(on_example)),
        report_(report) {}

  void begin_row(int64_t number);
  int64_t row() const { return row_; }
  // Fills in what the example's source does not say: data set, row, licence, who wrote it. Errors
  // are those of whoever takes the examples.
  Status keep(Example example);
  // `row` 0 is the row at work.
  void drop(const std::string& reason, const std::string& detail = "", int64_t row = 0);
  void note(const std::string& what, const std::string& detail = "", int64_t row = 0);

 private:
  ImportOptions options_;
  Source source_;
  OnExample on_example_;
  ImportReport* report_;
  int64_t row_ = 0;
};

// Reads rows of one layout, in order. An Error of read_row is a row that does not fit the layout:
// it is counted, and the work goes on.
class Importer {
 public:
  virtual ~Importer() = default;
  virtual Status read_row(const OrderedJson& row, ImportSink& sink) = 0;
  virtual Status finish(ImportSink& sink);  // after the last row
};

// Reads one row of a layout whose rows stand alone, as Importer::read_row does.
using ReadRow = std::function<Status(const OrderedJson&, const ImportOptions&, ImportSink&)>;

// A layout: one entry of the table (import_formats.cc). Several published sets share a layout and
// differ in what `source` says.
struct ImportFormat {
  const char* name;  // "hh_rlhf"
  const char* text;  // the layout and what becomes of it, in one line
  Source source;     // as published: data set, licence, who wrote the answers, what authors ask
  std::function<bool(const OrderedJson& row)> recognises;  // by its columns
  ReadRow read_row;
  // For a layout whose rows do not stand alone, in place of `read_row`.
  std::unique_ptr<Importer> (*make)(const ImportOptions& options) = nullptr;
};

// In the order in which a layout is looked for; the last one, Attune's and TRL's own, takes all.
const std::vector<ImportFormat>& import_formats();

// kUsage with the nearest name; dashes are accepted for underscores.
Result<const ImportFormat*> find_import_format(std::string_view name);
// The format of a file's first readable row.
const ImportFormat& detect_import_format(const OrderedJson& first_row);
// Names of the further formats that the row fits: the same layout with another source.
std::vector<std::string> formats_of_same_layout(const ImportFormat& format,
                                                const OrderedJson& first_row);

// Reads the file's rows (rows.h) and hands on their examples. Rows that are no JSON are counted
// under "unreadable row". `format` null detects it by the first row; the format used is returned.
// Errors: a file that cannot be read at all, and what `on_example` returns.
Result<const ImportFormat*> import_rows(const std::string& path, const ImportFormat* format,
                                        const ImportOptions& options,
                                        const ImportSink::OnExample& on_example,
                                        ImportReport* report);
// The same over bytes in memory; `name` stands in for the path.
Result<const ImportFormat*> import_rows_in(std::string_view bytes, const std::string& name,
                                           const ImportFormat* format, const ImportOptions& options,
                                           const ImportSink::OnExample& on_example,
                                           ImportReport* report);

}  // namespace attune::data
