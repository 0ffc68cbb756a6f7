#include "data/rows.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "data/csv.h"
#include "data/packed.h"
#include "data/parquet.h"
#include "text/unicode.h"

namespace attune::data {
namespace {

using OnRow = std::function<Status(Row)>;
using OnBadRow = std::function<Status(int64_t, const Error&)>;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string_view next_line(std::string_view bytes, size_t& at) {
  size_t end = bytes.find('\n', at);
  if (end == std::string_view::npos) end = bytes.size();
  std::string_view line = bytes.substr(at, end - at);
  at = end + 1;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::optional<Error> row_too_long(size_t bytes) {
  if (bytes <= kRowBytesMax) return std::nullopt;
  return invalid_input("the row is longer than {} MiB; shorten it or leave it out",
                       kRowBytesMax >> 20);
}

// One row of JSON to whom it concerns.
Status read_value(std::string_view bytes, int64_t number, const OnRow& on_row,
                  const OnBadRow& on_bad_row) {
  if (std::optional<Error> error = row_too_long(bytes.size())) return on_bad_row(number, *error);
  Result<OrderedJson> value = parse_ordered_json(bytes);
  if (!value.ok()) return on_bad_row(number, value.error());
  return on_row({number, std::move(value).value()});
}

Status read_json_lines(std::string_view bytes, const OnRow& on_row, const OnBadRow& on_bad_row) {
  int64_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    std::string_view line = next_line(bytes, at);
    ++number;
    if (!is_blank(line)) TRY(read_value(line, number, on_row, on_bad_row));
  }
  return {};
}

// The end of the JSON value that starts at `at` (an object or array), by bracket matching.
std::optional<size_t> end_of_value(std::string_view bytes, size_t at) {
  int64_t depth = 0;
  bool quoted = false;
  for (; at < bytes.size(); ++at) {
    char c = bytes[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return std::nullopt;
}

// Objects one after another, over any number of lines.
Status read_concatenated(std::string_view bytes, const OnRow& on_row, const OnBadRow& on_bad_row) {
  int64_t number = 0;
  for (size_t at = bytes.find_first_not_of(" \t\r\n"); at != std::string_view::npos;
       at = bytes.find_first_not_of(" \t\r\n,", at)) {
    ++number;
    std::optional<size_t> end = end_of_value(bytes, at);
    if (!end) {
      return on_bad_row(
          number, invalid_input("the last object is cut short; fetch or write it again"));
    }
    TRY(read_value(bytes.substr(at, *end - at), number, on_row, on_bad_row));
    at = *end;
  }
  return {};
}

Status read_array(std::string_view bytes, const std::string& name, const OnRow& on_row) {
  Result<OrderedJson> array = parse_ordered_json(bytes);
  if (!array.ok()) return array.error().with_context(name);
  if (array->empty()) return invalid_input("{}: the list is empty; give at least one row", name);
  int64_t number = 0;
  for (OrderedJson& value : *array) TRY(on_row({++number, std::move(value)}));
  return {};
}

// Why the fields cannot be a header: rows would lose a value without a word.
Status check_columns(const std::vector<std::string>& columns) {
  std::set<std::string_view> seen;
  for (const std::string& name : columns) {
    if (name.empty()) return invalid_input("the header has a column without a name; name it");
    if (!seen.insert(name).second) {
      return invalid_input("the header names {} twice; rename one of the columns", name);
    }
  }
  return {};
}

// Why the record cannot be a row under that header.
std::optional<Error> record_error(const std::vector<std::string>& fields, size_t columns) {
  if (fields.size() != columns) {
    return invalid_input("{} fields, the header has {}; give as many, and quote what has a comma",
                         fields.size(), columns);
  }
  size_t bytes = 0;
  for (const std::string& field : fields) {
    if (text::valid_utf8_prefix(field) != field.size()) {
      return invalid_input("the line is no UTF-8; save the file as UTF-8");
    }
    bytes += field.size();
  }
  return row_too_long(bytes);
}

Status read_csv(std::string_view bytes, const std::string& name, const OnRow& on_row,
                const OnBadRow& on_bad_row) {
  std::vector<std::string> columns;
  bool empty = true;
  Status read =
      for_each_csv_record(bytes, [&](int64_t line, std::vector<std::string> fields) -> Status {
        if (columns.empty()) {
          columns = std::move(fields);
          return check_columns(columns);
        }
        empty = false;
        if (auto error = record_error(fields, columns.size())) return on_bad_row(line, *error);
        OrderedJson row = OrderedJson::object();
        for (size_t i = 0; i < columns.size(); ++i) row[columns[i]] = std::move(fields[i]);
        return on_row({line, std::move(row)});
      });
  if (!read.ok()) return read.error().with_context(name);
  if (empty) return invalid_input("{}: nothing after the header line; give at least one row", name);
  return {};
}

// The first line that is not blank; `at` becomes the place behind it.
std::string_view first_line(std::string_view bytes, size_t& at) {
  std::string_view line;
  while (at < bytes.size() && is_blank(line)) line = next_line(bytes, at);
  return line;
}

bool first_line_is_whole(std::string_view bytes) {
  size_t at = 0;
  return parse_ordered_json(first_line(bytes, at)).ok();
}

// Lists as rows (WebGPT's comparisons are pairs), rather than one list of rows.
bool is_lines_of_arrays(std::string_view bytes) {
  size_t at = 0;
  const std::string_view line = first_line(bytes, at);
  const bool more = at < bytes.size() && !is_blank(bytes.substr(at));
  return more && parse_ordered_json(line).ok();
}

// A first line of text without a JSON bracket.
bool looks_like_csv(std::string_view bytes) {
  size_t at = 0;
  std::string_view header = next_line(bytes, at);
  bool is_text = std::none_of(header.begin(), header.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t';
  });
  return is_text && !header.empty() && header.find_first_of("{}[]") == std::string_view::npos &&
         text::valid_utf8_prefix(header) == header.size();
}

// What a file that is often met in place of rows says of itself in its first bytes.
struct Magic {
  std::string_view bytes;
  const char* advice;
};
constexpr Magic kMagics[] = {
    {"\x1f\x8b", "is compressed twice; unpack it first (gunzip)"},
    {"PK\x03\x04", "is a zip archive; unpack it first (unzip)"},
    {"\x28\xb5\x2f\xfd", "is compressed twice; unpack it first (unzstd)"},
    {"\xfd" "7zXZ", "is compressed with xz; unpack it first (unxz)"},
    {"BZh", "is compressed with bzip2; unpack it first (bunzip2)"},
    {"PARE", "is an encrypted Parquet file; write it without encryption first"},
    {"ARROW1", "is an Arrow file; convert it to JSON lines first"},
    {"\xff\xfe", "is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"},
    {"\xfe\xff", "is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"},
};

Status read_plain(std::string_view bytes, const std::string& name, const OnRow& on_row,
                  const OnBadRow& on_bad_row) {
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  for (const Magic& magic : kMagics) {
    if (bytes.starts_with(magic.bytes)) return invalid_input("{}: {}", name, magic.advice);
  }
  if (is_parquet(bytes)) {
    const auto on_json = [&](int64_t number, std::string_view json) {
      return read_value(json, number, on_row, on_bad_row);
    };
    return for_each_parquet_row(bytes, name, on_json, on_bad_row);
  }
  size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) {
    return invalid_input("{}: the file is empty; give at least one row", name);
  }
  if (bytes[start] == '[') {
    return is_lines_of_arrays(bytes) ? read_json_lines(bytes, on_row, on_bad_row)
                                     : read_array(bytes, name, on_row);
  }
  if (bytes[start] == '{') {
    // A file whose first line is no whole object is either spread over lines or broken: reading it
    // as objects finds both, and the error names the object.
    bool spread = !first_line_is_whole(bytes) && end_of_value(bytes, start).has_value() &&
                  parse_ordered_json(bytes.substr(start, *end_of_value(bytes, start) - start)).ok();
    return spread ? read_concatenated(bytes, on_row, on_bad_row)
                  : read_json_lines(bytes, on_row, on_bad_row);
  }
  if (looks_like_csv(bytes)) return read_csv(bytes, name, on_row, on_bad_row);
  return invalid_input("{}: neither JSON, JSON lines nor CSV with a header line; convert it to one",
                       name);
}

}  // namespace

Status for_each_row_in(std::string_view bytes, const std::string& name, const OnRow& on_row,
                       const OnBadRow& on_bad_row) {
  if (!is_packed(bytes)) return read_plain(bytes, name, on_row, on_bad_row);
  const Result<Unpacked> unpacked = Unpacked::unpack(bytes);
  if (!unpacked.ok()) return unpacked.error().with_context(name);
  return read_plain(unpacked->bytes(), name, on_row, on_bad_row);
}

Status for_each_row(const std::string& path, const OnRow& on_row, const OnBadRow& on_bad_row) {
  MappedFile file = TRY(MappedFile::open(path));
  return for_each_row_in(file.text(), path, on_row, on_bad_row);
}

bool names_rows(std::string_view path) {
  for (const std::string_view packing : {".gz", ".zst"}) {
    if (!path.ends_with(packing)) continue;
    path.remove_suffix(packing.size());
    break;
  }
  const auto ends = [path](std::string_view extension) { return path.ends_with(extension); };
  return ends(".jsonl") || ends(".json") || ends(".csv") || names_parquet(path);
}

Result<std::vector<Row>> read_rows(const std::string& path) {
  std::vector<Row> rows;
  TRY(for_each_row(
      path,
      [&rows](Row row) -> Status {
        rows.push_back(std::move(row));
        return {};
      },
      [&path](int64_t number, const Error& error) -> Status {
        return error.with_context(fmt::format("{}:{}", path, number));
      }));
  return rows;
}

}  // namespace attune::data
