// Rows of a data file, whatever it is: JSON lines, one JSON array, JSON objects one after another,
// CSV with a header line, or Parquet (parquet.h); any of them may be packed by gzip or zstd
// (packed.h). The layout is detected by content, not by the file's name.
//
// A UTF-8 byte-order mark and CRLF line ends are accepted. What cannot be read is reported with its
// row number (from 1; for JSON lines and CSV the line) and handed on, so that the caller decides
// whether a bad row stops the work or is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::data {

struct Row {
  int64_t number = 0;  // 1-based row (the line of JSON lines and CSV)
  OrderedJson value;
};

inline constexpr size_t kRowBytesMax = 64u << 20;  // a longer line is refused

// Calls `on_row` for every row in order and `on_bad_row` for every row that is no JSON or no UTF-8;
// either may stop the reading by returning an error, which is then returned. An empty file is an
// error. JSON lines are read as a stream of lines over the mapped file.
Status for_each_row(const std::string& path, const std::function<Status(Row)>& on_row,
                    const std::function<Status(int64_t number, const Error&)>& on_bad_row);

// Whether a file is called like one of rows: .jsonl, .json, .csv or .parquet, packed (.gz, .zst) or
// not. What is in it decides how it is read.
bool names_rows(std::string_view path);

// All rows of a small file; the first bad one is an error naming file and row.
Result<std::vector<Row>> read_rows(const std::string& path);

// The same over bytes in memory; `name` stands in for the path in errors.
Status for_each_row_in(std::string_view bytes, const std::string& name,
                       const std::function<Status(Row)>& on_row,
                       const std::function<Status(int64_t, const Error&)>& on_bad_row);

}  // namespace attune::data
