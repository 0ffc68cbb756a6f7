#include "cli/rows_io.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include "base/log.h"

namespace attune::cli {
namespace {

constexpr const char* kStandardInput = "standard input";

}  // namespace

bool is_standard_input(const std::string& path) {
  return path.empty() || path == "-";
}

std::string read_standard_input() {
  if (::isatty(STDIN_FILENO) == 1) {
    log_info("reading rows from the terminal; end them with Ctrl-D, or name a file with --data");
  }
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

std::vector<recipes::Option> rows_options() {
  return {recipes::string("data", nullptr,
                          "file of rows: JSON, JSON lines, CSV or Parquet; default stdin"),
          recipes::string("output", nullptr,
                          "file for the answers, JSON lines or NAME.parquet; default stdout")};
}

Result<std::vector<data::Row>> read_input_rows(const std::string& path) {
  if (!is_standard_input(path)) return data::read_rows(path);
  const std::string bytes = read_standard_input();
  std::vector<data::Row> rows;
  TRY(data::for_each_row_in(
      bytes, kStandardInput,
      [&rows](data::Row row) -> Status {
        rows.push_back(std::move(row));
        return {};
      },
      [](int64_t number, const Error& error) -> Status {
        return error.with_context(fmt::format("{}:{}", kStandardInput, number));
      }));
  return rows;
}

std::string row_place(const std::string& path, int64_t number) {
  return fmt::format("{}:{}", row_place(path), number);
}

std::string row_place(const std::string& path) {
  return is_standard_input(path) ? kStandardInput : path;
}

Result<std::unique_ptr<RowWriter>> RowWriter::open(const std::string& path) {
  auto writer = std::make_unique<RowWriter>();
  if (data::names_parquet(path)) {
    writer->parquet_ = TRY(data::ParquetFile::create(path));
  } else if (!is_standard_input(path)) {
    writer->file_ = TRY(AtomicFile::create(path));
  }
  return writer;
}

Status RowWriter::write(const OrderedJson& row) {
  if (parquet_ != nullptr) return parquet_->write(row);
  std::string line = to_line(row) + "\n";
  if (file_ != nullptr) return file_->write(line);
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) {
    return io_error("standard output: cannot write: {}", std::strerror(errno));
  }
  return {};
}

Status RowWriter::finish() {
  if (parquet_ != nullptr) {
    for (const std::string& column : TRY(parquet_->finish())) {
      log_warning("rows differ in what \"{}\" holds: it is written as a text of JSON", column);
    }
    return {};
  }
  if (file_ != nullptr) return file_->commit();
  if (std::fflush(stdout) != 0) {
    return io_error("standard output: cannot write: {}", std::strerror(errno));
  }
  return {};
}

std::string text_of(const Json& config, const std::string& name) {
  const Json* value = find(config, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace attune::cli
