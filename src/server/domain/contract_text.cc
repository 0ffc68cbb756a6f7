#include "server/domain/contract_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace attune::domain {
namespace {

std::string escaped_character(char c) {
  switch (c) {
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7F) return fmt::format("\\x{:02x}", byte);
  return {c};
}

std::string number_text(const OrderedJson& value) {
  if (!value.is_number_float()) return value.dump();
  double number = value.get<double>();
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string repr(std::string_view text) {
  bool holds_single_only = text.find('\'') != text.npos && text.find('"') == text.npos;
  char mark = holds_single_only ? '"' : '\'';
  std::string out(1, mark);
  for (char c : text) {
    if (c == mark) out += '\\';
    out += escaped_character(c);
  }
  return out + mark;
}

std::string repr(const OrderedJson& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number()) return number_text(value);
  if (value.is_string()) return repr(value.get_ref<const std::string&>());
  std::string inner;
  if (value.is_array()) {
    for (const auto& item : value) inner += (inner.empty() ? "" : ", ") + repr(item);
    return "[" + inner + "]";
  }
  for (const auto& [key, item] : value.items()) {
    inner += (inner.empty() ? "" : ", ") + repr(key) + ": " + repr(item);
  }
  return "{" + inner + "}";
}

std::string repr(const std::vector<std::string>& texts) {
  std::string inner;
  for (const std::string& text : texts) {
    inner += (inner.empty() ? "" : ", ") + repr(text);
  }
  return "[" + inner + "]";
}

std::string shown(const OrderedJson& value) {
  return value.is_string() ? value.get<std::string>() : repr(value);
}

std::string class_of(const OrderedJson& value) {
  const char* name = "dict";
  if (value.is_null()) name = "NoneType";
  if (value.is_boolean()) name = "bool";
  if (value.is_number_integer()) name = "int";
  if (value.is_number_float()) name = "float";
  if (value.is_string()) name = "str";
  if (value.is_array()) name = "list";
  return fmt::format("<class '{}'>", name);
}

size_t characters(std::string_view text) {
  auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins));
}

}  // namespace attune::domain
