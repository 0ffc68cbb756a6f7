#include "base/json.h"

#include <algorithm>
#include <type_traits>

#include "base/file.h"

namespace attune {
namespace {

bool inside_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

constexpr char kTooDeep[] = "JSON is nested deeper than {} levels; flatten it";
constexpr size_t kJsonFileBytesMax = size_t{1} << 30;  // of a file that is one document

// What the parser says, without its own name and place for it, and not longer than a message should
// be: it may quote the whole of a long line.
std::string reason_of(const std::exception& failure) {
  constexpr size_t kHeadBytes = 160, kTailBytes = 80;
  std::string reason = failure.what();
  if (size_t end = reason.find("] "); reason.starts_with('[') && end != std::string::npos) {
    reason.erase(0, end + 2);
  }
  if (size_t end = reason.find(": "); reason.starts_with("parse error") && end != reason.npos) {
    reason.erase(0, end + 2);
  }
  if (reason.size() > kHeadBytes + kTailBytes) {
    size_t head = kHeadBytes, tail = reason.size() - kTailBytes;
    while (head > 0 && inside_character(reason[head])) --head;
    while (tail < reason.size() && inside_character(reason[tail])) ++tail;
    reason = reason.substr(0, head) + " ... " + reason.substr(tail);
  }
  // What it quotes need not be UTF-8: a message is, printed and read with replacements.
  return Json::parse(to_line(Json(reason))).get<std::string>();
}

// Whether nesting may go beyond the limit. Up to the first mistake of syntax this counts as the
// parser does, so a text that is not found deep here is not deep.
bool may_be_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      i += c == '\\';
    } else if (c == '[' || c == '{') {
      if (++depth >= kJsonDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

template <typename E>
Error syntax_error(const E& failure, std::string_view text) {
  // At the end of the text the parser counts a byte more than there are, at an open string there
  // the line break.
  const size_t at = std::min(std::max(failure.byte, size_t{1}) - 1, text.size());
  const bool at_end = text.find_first_not_of(" \t\r\n", at) == std::string_view::npos;
  const char* remedy = at_end ? "it ends too soon, fetch or write it again" : "correct it there";
  return invalid_input("not valid JSON at byte {}: {}; {}", failure.byte, reason_of(failure),
                       remedy);
}

// Without a callback for each value the parser takes half the time.
template <typename J>
Result<J> parse_shallow(std::string_view text) {
  try {
    return J::parse(text.begin(), text.end());
  } catch (const typename J::parse_error& e) {
    return syntax_error(e, text);
  } catch (const typename J::exception& e) {
    return invalid_input("not valid JSON: {}; correct it", reason_of(e));
  }
}

template <typename J>
Result<J> parse(std::string_view text) {
  if (!may_be_too_deep(text)) return parse_shallow<J>(text);
  bool too_deep = false;
  auto bound_depth = [&too_deep](int depth, typename J::parse_event_t, J&) {
    too_deep = too_deep || depth > kJsonDepthMax;
    return !too_deep;
  };
  try {
    J value = J::parse(text.begin(), text.end(), bound_depth);
    if (too_deep) return invalid_input(kTooDeep, kJsonDepthMax);
    return value;
  } catch (const typename J::parse_error& e) {
    if (too_deep) return invalid_input(kTooDeep, kJsonDepthMax);
    return syntax_error(e, text);
  } catch (const typename J::exception& e) {
    return invalid_input("not valid JSON: {}; correct it", reason_of(e));
  }
}

bool is_integer(const Json& v) {
  if (v.is_number_unsigned()) return v.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
  if (v.is_number_integer()) return true;
  // Some writers print whole numbers as 1e5 or 2048.0.
  if (!v.is_number_float()) return false;
  double d = v.get<double>();
  return d >= -9e15 && d <= 9e15 && d == static_cast<double>(static_cast<int64_t>(d));
}

template <typename T>
bool holds(const Json& v) {
  if constexpr (std::is_same_v<T, std::string>) return v.is_string();
  if constexpr (std::is_same_v<T, bool>) return v.is_boolean();
  if constexpr (std::is_same_v<T, int64_t>) return is_integer(v);
  if constexpr (std::is_same_v<T, double>) return v.is_number();
}

template <typename T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, std::string>) return "a string";
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, int64_t>) return "a whole number";
  return "a number";
}

template <typename T>
Result<T> typed(const Json& value, std::string_view key) {
  if (holds<T>(value)) return value.get<T>();
  return invalid_input("\"{}\" must be {}, found {}", key, type_name<T>(), value.type_name());
}

template <typename T>
Result<T> required(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  if (value == nullptr)
    return invalid_input("\"{}\" is missing; it must be {}", key, type_name<T>());
  return typed<T>(*value, key);
}

template <typename T>
Result<T> optional_member(const Json& object, std::string_view key, T fallback) {
  const Json* value = find(object, key);
  if (value == nullptr) return fallback;
  return typed<T>(*value, key);
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  return parse<Json>(text);
}
Result<OrderedJson> parse_ordered_json(std::string_view text) {
  return parse<OrderedJson>(text);
}

Result<Json> read_json_file(const std::string& path) {
  std::string text = TRY(read_file(path, kJsonFileBytesMax));
  Result<Json> value = parse_json(text);
  if (!value.ok()) return value.error().with_context(path);
  return value;
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string to_line(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void append_json_text(std::string_view text, std::string& out) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
  };
  if (!std::all_of(text.begin(), text.end(), is_plain)) {
    out += to_line(OrderedJson(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> get_string(const Json& o, std::string_view k) {
  return required<std::string>(o, k);
}
Result<int64_t> get_int(const Json& o, std::string_view k) {
  return required<int64_t>(o, k);
}
Result<double> get_double(const Json& o, std::string_view k) {
  return required<double>(o, k);
}
Result<bool> get_bool(const Json& o, std::string_view k) {
  return required<bool>(o, k);
}

Result<std::string> get_string_or(const Json& o, std::string_view k, std::string fallback) {
  return optional_member<std::string>(o, k, std::move(fallback));
}
Result<int64_t> get_int_or(const Json& o, std::string_view k, int64_t fallback) {
  return optional_member<int64_t>(o, k, fallback);
}
Result<double> get_double_or(const Json& o, std::string_view k, double fallback) {
  return optional_member<double>(o, k, fallback);
}
Result<bool> get_bool_or(const Json& o, std::string_view k, bool fallback) {
  return optional_member<bool>(o, k, fallback);
}

}  // namespace attune
