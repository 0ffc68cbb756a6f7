// --data and --output of the commands that turn rows into rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "data/parquet.h"
#include "data/rows.h"
#include "recipes/option.h"

namespace attune::cli {

// --data and --output for an option table.
std::vector<recipes::Option> rows_options();

// Rows of the file at `path` ("" or "-": standard input). A row that cannot be read is an error
// that names it.
Result<std::vector<data::Row>> read_input_rows(const std::string& path);

// "" or "-".
bool is_standard_input(const std::string& path);
// All of it; says on a terminal what is waited for.
std::string read_standard_input();

// How errors name a row: "rows.jsonl:3", or "standard input:3"; and the whole input.
std::string row_place(const std::string& path, int64_t number);
std::string row_place(const std::string& path);

// Writes JSON lines to a file, whole or not at all, or to standard output; Parquet where the file's
// name ends in .parquet.
class RowWriter {
 public:
  static Result<std::unique_ptr<RowWriter>> open(const std::string& path);
  Status write(const OrderedJson& row);
  Status finish();

 private:
  std::unique_ptr<AtomicFile> file_;
  std::unique_ptr<data::ParquetFile> parquet_;  // both null: standard output
};

// The text of an option that was resolved, "" when it is not set.
std::string text_of(const Json& config, const std::string& name);

}  // namespace attune::cli
