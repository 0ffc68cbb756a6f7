// SQL that is put together from parts: every value becomes a parameter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/store/database.h"

namespace attune::store {

class SqlText {
 public:
  // The placeholder of a new parameter.
  std::string add(Value value) {
    values_.push_back(std::move(value));
    return "$" + std::to_string(values_.size());
  }
  // Placeholders in parentheses, for IN.
  template <typename T>
  std::string add_list(const std::vector<T>& values) {
    std::string list = "(";
    for (const T& value : values) list += (list.size() > 1 ? ", " : "") + add(value);
    return list + ")";
  }
  SqlText& operator+=(std::string_view part) {
    text_ += part;
    return *this;
  }

  const std::string& text() const { return text_; }
  const std::vector<Value>& values() const { return values_; }

  Result<Rows> run(Connection& connection) const { return connection.run(text_, values_); }

 private:
  std::string text_;
  std::vector<Value> values_;
};

}  // namespace attune::store
