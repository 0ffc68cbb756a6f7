// How single values are taken: as generously as the contract does (numbers and booleans from texts)
// and no further.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "server/api/schema_check.h"
#include "server/api/schema_words.h"
#include "server/domain/identity.h"

namespace attune::api {
namespace {

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string count_of_characters(size_t count) {
  return fmt::format("{} character{}", count, count == 1 ? "" : "s");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

template <typename T>
std::optional<T> number_of_text(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> boolean_of_text(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* yes : {"1", "true", "t", "yes", "y", "on"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "false", "f", "no", "n", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

// Doubles hold every integer up to here, so that one with no fraction means what was written.
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

bool fits_int64(const OrderedJson& value) {
  return !value.is_number_unsigned() ||
         value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

}  // namespace

std::string SchemaReader::read_text(const OrderedJson& value, const OrderedJson& loc,
                                    const TextRule& rule) {
  if (!value.is_string()) {
    note("string_type", loc, "Input should be a valid string");
    return "";
  }
  std::string text = value.get<std::string>();
  const size_t length = characters(text);
  if (length < rule.min) {
    note("string_too_short", loc,
         "String should have at least " + count_of_characters(rule.min));
  } else if (length > rule.max) {
    note("string_too_long", loc, "String should have at most " + count_of_characters(rule.max));
  } else if (rule.allowed && !rule.allowed(text)) {
    note("string_pattern_mismatch", loc,
         fmt::format("String should match pattern '{}'", rule.pattern ? rule.pattern : ""));
  } else if (text.find('\0') != std::string::npos) {
    // No data base of ours holds it in a text (PostgreSQL), and nobody means it.
    note("value_error", loc, "Value error, a text cannot hold the character U+0000");
  }
  return text;
}

int64_t SchemaReader::read_integer(const OrderedJson& value, const OrderedJson& loc,
                                   const NumberRule& rule) {
  std::optional<int64_t> number;
  if (value.is_boolean()) {
    number = value.get<bool>() ? 1 : 0;
  } else if (value.is_number_integer() && fits_int64(value)) {
    number = value.get<int64_t>();
  } else if (value.is_number_float()) {
    const double real = value.get<double>();
    if (real != std::trunc(real) || std::abs(real) > kExactIntegers) {
      note("int_from_float", loc,
           "Input should be a valid integer, got a number with a fractional part");
      return 0;
    }
    number = static_cast<int64_t>(real);
  } else if (value.is_string()) {
    number = number_of_text<int64_t>(value.get_ref<const std::string&>());
    if (!number) {
      note("int_parsing", loc,
           "Input should be a valid integer, unable to parse string as an integer");
      return 0;
    }
  }
  if (!number) {
    note("int_type", loc, "Input should be a valid integer");
    return 0;
  }
  check_bounds(static_cast<double>(*number), loc, rule);
  return *number;
}

double SchemaReader::read_number(const OrderedJson& value, const OrderedJson& loc,
                                 const NumberRule& rule) {
  std::optional<double> number;
  if (value.is_boolean()) {
    number = value.get<bool>() ? 1 : 0;
  } else if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    number = number_of_text<double>(value.get_ref<const std::string&>());
    if (!number) {
      note("float_parsing", loc,
           "Input should be a valid number, unable to parse string as a number");
      return 0;
    }
  }
  if (!number) {
    note("float_type", loc, "Input should be a valid number");
    return 0;
  }
  if (!std::isfinite(*number)) {
    note("finite_number", loc, "Input should be a finite number");
    return 0;
  }
  check_bounds(*number, loc, rule);
  return *number;
}

void SchemaReader::check_bounds(double number, const OrderedJson& loc, const NumberRule& rule) {
  if (rule.gt && !(number > *rule.gt)) {
    note("greater_than", loc, fmt::format("Input should be greater than {}", *rule.gt));
  } else if (rule.ge && !(number >= *rule.ge)) {
    note("greater_than_equal", loc,
         fmt::format("Input should be greater than or equal to {}", *rule.ge));
  } else if (rule.lt && !(number < *rule.lt)) {
    note("less_than", loc, fmt::format("Input should be less than {}", *rule.lt));
  } else if (rule.le && !(number <= *rule.le)) {
    note("less_than_equal", loc,
         fmt::format("Input should be less than or equal to {}", *rule.le));
  }
}

bool SchemaReader::read_boolean(const OrderedJson& value, const OrderedJson& loc) {
  if (value.is_boolean()) return value.get<bool>();
  std::optional<bool> read;
  if (value.is_number()) {
    if (value == 0) read = false;
    if (value == 1) read = true;
  } else if (value.is_string()) {
    read = boolean_of_text(value.get<std::string>());
  } else {
    note("bool_type", loc, "Input should be a valid boolean");
    return false;
  }
  if (!read) {
    note("bool_parsing", loc, "Input should be a valid boolean, unable to interpret input");
  }
  return read.value_or(false);
}

std::string SchemaReader::read_id(const OrderedJson& value, const OrderedJson& loc) {
  if (!value.is_string()) {
    note("uuid_type", loc, "UUID input should be a string, bytes or UUID object");
    return "";
  }
  const std::string& text = value.get_ref<const std::string&>();
  std::string id = domain::canonical_id(text);
  if (id.empty()) note("uuid_parsing", loc, why_no_id(text));
  return id;
}

std::string SchemaReader::read_choice(const OrderedJson& value, const OrderedJson& loc,
                                      const std::vector<std::string>& options) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (std::find(options.begin(), options.end(), text) != options.end()) return text;
  }
  note("enum", loc, "Input should be " + quoted_choice(options));
  return "";
}

std::optional<std::string> SchemaReader::text_or_null(std::string_view name, TextRule rule) {
  if (!given(name)) return std::nullopt;
  return text(name, rule);
}

std::optional<int64_t> SchemaReader::integer_or_null(std::string_view name, NumberRule rule) {
  if (!given(name)) return std::nullopt;
  return integer(name, rule);
}

std::optional<double> SchemaReader::number_or_null(std::string_view name, NumberRule rule) {
  if (!given(name)) return std::nullopt;
  return number(name, rule);
}

std::optional<bool> SchemaReader::boolean_or_null(std::string_view name) {
  if (!given(name)) return std::nullopt;
  return boolean(name);
}

std::optional<std::string> SchemaReader::id_or_null(std::string_view name) {
  if (!given(name)) return std::nullopt;
  return id(name);
}

std::optional<std::string> SchemaReader::choice_or_null(std::string_view name,
                                                        const std::vector<std::string>& options) {
  if (!given(name)) return std::nullopt;
  return choice(name, options);
}

bool SchemaReader::boolean_or(std::string_view name, bool fallback) {
  return has(name) ? boolean(name) : fallback;
}

int64_t SchemaReader::integer_or(std::string_view name, int64_t fallback, NumberRule rule) {
  return has(name) ? integer(name, rule) : fallback;
}

std::string SchemaReader::text_or(std::string_view name, std::string fallback, TextRule rule) {
  return has(name) ? text(name, rule) : fallback;
}

std::string SchemaReader::choice_or(std::string_view name, std::string fallback,
                                    const std::vector<std::string>& options) {
  return has(name) ? choice(name, options) : fallback;
}

OrderedJson query_json(const http::Query& query, std::initializer_list<std::string_view> lists) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, value] : query.items()) {
    if (std::find(lists.begin(), lists.end(), name) == lists.end()) {
      json[name] = value;
    } else {
      json[name].push_back(value);
    }
  }
  return json;
}

}  // namespace attune::api
