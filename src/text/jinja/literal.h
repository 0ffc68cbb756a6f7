// Literals inside template tags, as Python writes them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace attune::text::jinja {

struct NumberText {
  std::string text;  // without underscores; a prefix 0x, 0o, 0b stays
  size_t size = 0;   // bytes read
  bool is_float = false;
};

// The longest number at the start of `text`, which starts with a digit.
NumberText number_text(std::string_view text, bool may_be_float);

// A string literal without its quotes: \n, \x41, \u00e9, \101, ...; unknown escapes stay as
// written.
Result<std::string> unescape(std::string_view text);

}  // namespace attune::text::jinja
