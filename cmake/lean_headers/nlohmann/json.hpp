// nlohmann/json without its two literals (`"{}"_json`, `"/a"_json_pointer`), which Attune does not
// use. They are inline functions that call the parser, so that each of our units compiled the parser
// anew: 0.45 s of every unit, precompiled or not. Here the body of each becomes a template's, which
// costs nothing until somebody calls it. Where the library writes `""_json` in one token (3.11.3 and
// later) the macros match nothing, and the header is the library's own.
#pragma once
#pragma GCC system_header

#define _json(text, size)                             \
  _json(text, size);                                  \
  template <typename = void>                          \
  nlohmann::json json_of_literal(text, size)
#define _json_pointer(text, size)                     \
  _json_pointer(text, size);                          \
  template <typename = void>                          \
  nlohmann::json::json_pointer json_pointer_of_literal(text, size)

#include_next <nlohmann/json.hpp>

#undef _json
#undef _json_pointer
