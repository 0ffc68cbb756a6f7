// The pieces of report.html: escaping, the style sheet, tables. Every text that comes from a file
// goes through escape_html.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace attune::cli {

// Text for element contents and quoted attributes; bytes that are no UTF-8 and control characters
// become U+FFFD.
std::string escape_html(std::string_view text);

// The style sheet: light and dark by the reader's preference, narrow screens and paper included.
std::string_view report_style();

// A number with commas between thousands.
std::string grouped(int64_t value);

// "1 h 03 min", "12 min 5 s", "8.3 s".
std::string duration_text(double seconds);

struct Tile {
  std::string label;
  std::string value;
  std::string detail;
};
std::string draw_tiles(const std::vector<Tile>& tiles);

// A table of two columns: names and values.
std::string draw_pairs(const std::vector<std::pair<std::string, std::string>>& rows);

// A JSON value as people read it: strings without quotes, null as "not set".
std::string plain_text(const Json& value);

}  // namespace attune::cli
