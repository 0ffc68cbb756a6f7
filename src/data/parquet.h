// Parquet files as rows, through Apache Arrow, which is loaded when the first such file is met
// (attune_parquet.so beside the program, or ATTUNE_PARQUET): nothing else needs it.
//
// Dates, times, durations and decimals become texts; numbers that are not finite become null; maps
// with text keys become objects, others lists of pairs. Nested columns come as they are. Memory is
// bounded: 256 rows and their pages at a time, no more than 1 GiB.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "data/parquet_schema.h"

namespace attune::data {

inline bool is_parquet(std::string_view bytes) {
  return bytes.starts_with("PAR1");
}
// Whether a path says that its rows are to be written as Parquet.
bool names_parquet(std::string_view path);

// As for_each_row_in (rows.h): the row's number and the JSON text of it; a row with bytes that are
// no text is a bad row. kUnsupported, with what to do, where Arrow cannot be loaded.
Status for_each_parquet_row(
    std::string_view bytes, const std::string& name,
    const std::function<Status(int64_t number, std::string_view json)>& on_row,
    const std::function<Status(int64_t number, const Error&)>& on_bad_row);

// A column of whole numbers and others is one of doubles: whole numbers beyond 2^53 are rounded.
// Writes rows to a Parquet file, whole or not at all (base/file.h), compressed by zstd. The columns
// are those of all rows (parquet_schema.h), so rows wait in a temporary file until finish().
class ParquetFile {
 public:
  static Result<std::unique_ptr<ParquetFile>> create(const std::string& path);
  Status write(const OrderedJson& row);  // kInvalidInput when it is no object
  // Gives the columns that are written as texts of JSON, since rows differ in what they hold.
  Result<std::vector<std::string>> finish();

 private:
  ParquetFile() = default;
  std::string path_;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<AtomicFile> waiting_;
  ParquetSchema schema_;
};

}  // namespace attune::data
