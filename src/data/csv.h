// CSV as RFC 4180 has it: comma-separated, double quotes around fields with commas, quotes or line
// ends, "" for a quote inside. The first record names the columns.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::data {

// Splits `bytes` into records. `on_record` gets the record's first line (1-based) and its fields.
// An unclosed quote is an error naming the line where it opened.
Status for_each_csv_record(
    std::string_view bytes,
    const std::function<Status(int64_t line, std::vector<std::string> fields)>& on_record);

// One record with a line end; fields are quoted when they must be.
std::string to_csv_record(const std::vector<std::string>& fields);

}  // namespace attune::data
