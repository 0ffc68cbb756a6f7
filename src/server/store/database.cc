#include "server/store/database.h"

#include "server/store/postgres_database.h"
#include "server/store/sqlite_database.h"

namespace attune::store {

Value or_null(const std::optional<std::string>& text) {
  if (text) return *text;
  return nullptr;
}

Value or_null(const std::optional<double>& number) {
  if (number) return *number;
  return nullptr;
}

bool Row::is_null(size_t column) const {
  CHECK(column < values_.size(), "column {} of a row of {}", column, values_.size());
  return std::holds_alternative<std::nullptr_t>(values_[column]);
}

const std::string& Row::text(size_t column) const {
  CHECK(column < values_.size(), "column {} of a row of {}", column, values_.size());
  const auto* text = std::get_if<std::string>(&values_[column]);
  CHECK(text != nullptr, "column {} is no text", column);
  return *text;
}

std::string Row::take_text(size_t column) {
  text(column);
  return std::move(*std::get_if<std::string>(&values_[column]));
}

std::optional<std::string> Row::text_or_null(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

int64_t Row::integer(size_t column) const {
  CHECK(column < values_.size(), "column {} of a row of {}", column, values_.size());
  if (const auto* number = std::get_if<double>(&values_[column])) {
    return static_cast<int64_t>(*number);
  }
  const auto* number = std::get_if<int64_t>(&values_[column]);
  CHECK(number != nullptr, "column {} is no integer", column);
  return *number;
}

double Row::real(size_t column) const {
  CHECK(column < values_.size(), "column {} of a row of {}", column, values_.size());
  if (const auto* number = std::get_if<int64_t>(&values_[column])) {
    return static_cast<double>(*number);
  }
  const auto* number = std::get_if<double>(&values_[column]);
  CHECK(number != nullptr, "column {} is no number", column);
  return *number;
}

const Bytes& Row::bytes(size_t column) const {
  CHECK(column < values_.size(), "column {} of a row of {}", column, values_.size());
  const auto* bytes = std::get_if<Bytes>(&values_[column]);
  CHECK(bytes != nullptr, "column {} holds no bytes", column);
  return *bytes;
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  const std::string_view url = options.url;
  if (url.starts_with("sqlite:")) {
    return open_sqlite(std::string(url.substr(7)), options);
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    return open_postgres(options);
  }
  return invalid_input(
      "'{}' is no address of a data base: write sqlite:PATH or postgresql://USER@HOST/NAME", url);
}

}  // namespace attune::store
