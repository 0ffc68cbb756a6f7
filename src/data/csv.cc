#include "data/csv.h"

namespace attune::data {
namespace {

// Reads one quoted field; `at` stands after the opening quote and ends after the closing one.
bool read_quoted(std::string_view bytes, size_t& at, int64_t& line, std::string& field) {
  while (at < bytes.size()) {
    char c = bytes[at++];
    if (c == '"') {
      if (at >= bytes.size() || bytes[at] != '"') return true;
      ++at;
    }
    if (c == '\n') ++line;
    field += c;
  }
  return false;
}

bool ends_record(std::string_view bytes, size_t at) {
  return at >= bytes.size() || bytes[at] == '\n' ||
         (bytes[at] == '\r' && (at + 1 >= bytes.size() || bytes[at + 1] == '\n'));
}

}  // namespace

Status for_each_csv_record(
    std::string_view bytes,
    const std::function<Status(int64_t, std::vector<std::string>)>& on_record) {
  size_t at = 0;
  int64_t line = 1;
  while (at < bytes.size()) {
    int64_t first_line = line;
    std::vector<std::string> fields(1);
    bool blank = ends_record(bytes, at);
    while (!ends_record(bytes, at)) {
      char c = bytes[at++];
      if (c == ',') {
        fields.emplace_back();
      } else if (c == '"' && fields.back().empty()) {
        int64_t opened = line;
        if (!read_quoted(bytes, at, line, fields.back())) {
          return invalid_input("line {}: a quote is opened and never closed", opened);
        }
      } else {
        fields.back() += c;
      }
    }
    if (at < bytes.size() && bytes[at] == '\r') ++at;
    if (at < bytes.size() && bytes[at] == '\n') ++at;
    ++line;
    if (!blank) TRY(on_record(first_line, std::move(fields)));
  }
  return {};
}

std::string to_csv_record(const std::vector<std::string>& fields) {
  std::string record;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) record += ',';
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
      record += fields[i];
      continue;
    }
    record += '"';
    for (char c : fields[i]) record.append(c == '"' ? "\"\"" : std::string(1, c));
    record += '"';
  }
  return record + "\n";
}

}  // namespace attune::data
