#include "server/store/postgres_values.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace attune::store {
namespace {

// Numbers of types in pg_type, fixed for ever.
constexpr Oid kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25,
              kFloat4 = 700, kFloat8 = 701, kNumeric = 1700;

std::array<char, 8> big_endian(uint64_t bits) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(bits >> (56 - 8 * i));
  return bytes;
}

Value number_of(std::string_view text, bool whole) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  if (whole) {
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  return std::strtod(text.data(), nullptr);  // libpq's texts end with a zero
}

std::byte nibble(char digit) {
  return static_cast<std::byte>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

// "\x" and two digits for each byte.
Bytes bytes_of_text(std::string_view text) {
  Bytes bytes;
  if (text.size() < 2) return bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 2; i + 1 < text.size(); i += 2) {
    bytes.push_back(nibble(text[i]) << 4 | nibble(text[i + 1]));
  }
  return bytes;
}

Value value_of(Oid type, std::string_view text) {
  switch (type) {
    case kBool: return int64_t{text == "t"};
    case kInt2:
    case kInt4:
    case kInt8: return number_of(text, true);
    case kNumeric: return number_of(text, text.find('.') == std::string_view::npos);
    case kFloat4:
    case kFloat8: return number_of(text, false);
    case kBytea: return bytes_of_text(text);
    default: return std::string(text);
  }
}

}  // namespace

PostgresParameters::PostgresParameters(std::span<const Value> values) {
  numbers_.reserve(values.size());  // never moved: data_ points into it
  for (const Value& value : values) {
    const auto add = [&](Oid type, const void* data, size_t size) {
      types_.push_back(type);
      data_.push_back(static_cast<const char*>(data));
      lengths_.push_back(static_cast<int>(size));
      formats_.push_back(1);
    };
    const auto add_number = [&](Oid type, uint64_t bits) {
      numbers_.push_back(big_endian(bits));
      add(type, numbers_.back().data(), 8);
    };
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      add_number(kInt8, static_cast<uint64_t>(*integer));
    } else if (const auto* real = std::get_if<double>(&value)) {
      add_number(kFloat8, std::bit_cast<uint64_t>(*real));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      add(kText, text->data(), text->size());
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      // A null pointer would be NULL.
      add(kBytea, bytes->empty() ? static_cast<const void*>("") : bytes->data(), bytes->size());
    } else {
      add(0, nullptr, 0);
    }
  }
}

std::string PostgresParameters::signature() const {
  std::string text;
  for (const Oid type : types_) text += fmt::format("{},", type);
  return text;
}

Row postgres_row(const PGresult* result, int row) {
  const int columns = PQnfields(result);
  std::vector<Value> values;
  values.reserve(static_cast<size_t>(columns));
  for (int column = 0; column < columns; ++column) {
    if (PQgetisnull(result, row, column)) {
      values.emplace_back(nullptr);
      continue;
    }
    const std::string_view text(PQgetvalue(result, row, column),
                                static_cast<size_t>(PQgetlength(result, row, column)));
    values.push_back(value_of(PQftype(result, column), text));
  }
  return Row(std::move(values));
}

}  // namespace attune::store
