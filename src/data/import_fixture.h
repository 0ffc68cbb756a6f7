// For tests of importers: what a file's bytes give.
#pragma once

#include <string>
#include <vector>

#include "data/import.h"

namespace attune::data {

struct Imported {
  std::vector<Example> examples;
  ImportReport report;
  std::string format;
  std::string error;  // of the whole file; "" when it was read
};

inline Imported import_text(const std::string& bytes, const char* format = nullptr,
                            const ImportOptions& options = {}) {
  Imported result;
  auto take = [&result](Example example) -> Status {
    result.examples.push_back(std::move(example));
    return {};
  };
  const ImportFormat* wanted = format == nullptr ? nullptr : find_import_format(format).value();
  auto used = import_rows_in(bytes, "file", wanted, options, take, &result.report);
  if (used.ok()) {
    result.format = used.value()->name;
  } else {
    result.error = used.error().message();
  }
  return result;
}

inline std::string row_text(const Example& example) {
  return to_line(to_json(example));
}

}  // namespace attune::data
