// JSON, with limits. `Json` keeps keys sorted and finds them quickly (configs, tokenizers);
// `OrderedJson` keeps them as written (files and lines that people read).
//
// Everything a stranger wrote goes through parse_json, which bounds nesting and reports the byte of
// a mistake; the typed getters report the key. None of these throws.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

inline constexpr int kJsonDepthMax = 200;

// Parses one JSON document. Errors (kInvalidInput) name the byte; nesting over kJsonDepthMax and
// invalid UTF-8 are refused. The caller adds the file or row with Error::with_context.
Result<Json> parse_json(std::string_view text);
Result<OrderedJson> parse_ordered_json(std::string_view text);

// Reads and parses a file; errors name the path.
Result<Json> read_json_file(const std::string& path);

// Compact text on one line. Bytes that are no UTF-8 are replaced by U+FFFD rather than thrown at.
std::string to_line(const Json& value);
std::string to_line(const OrderedJson& value);
// Appends a text as to_line writes it, in quotes: for rows that are put together from parts.
void append_json_text(std::string_view text, std::string& out);

// Required members: kInvalidInput names the key and what was found instead.
Result<std::string> get_string(const Json& object, std::string_view key);
Result<int64_t> get_int(const Json& object, std::string_view key);
Result<double> get_double(const Json& object, std::string_view key);
Result<bool> get_bool(const Json& object, std::string_view key);

// Optional members: the fallback when absent or null, an error when of another type.
Result<std::string> get_string_or(const Json& object, std::string_view key, std::string fallback);
Result<int64_t> get_int_or(const Json& object, std::string_view key, int64_t fallback);
Result<double> get_double_or(const Json& object, std::string_view key, double fallback);
Result<bool> get_bool_or(const Json& object, std::string_view key, bool fallback);

// The member, or nullptr when `object` is no object, lacks it, or holds null there.
const Json* find(const Json& object, std::string_view key);

}  // namespace attune
