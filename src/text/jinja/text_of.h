// Values as text: Python's str() and repr(), and json.dumps as chat templates call it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace attune::text::jinja {

// Text that grows within the budget. Once an append is refused, all later ones are, and finish()
// is the error; callers may go on or stop.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  bool append(std::string_view piece);
  bool append_times(std::string_view piece, int64_t count);  // a negative count is none
  bool full() const { return full_; }
  size_t size() const { return text_.size(); }
  const std::string& text() const { return text_; }
  Result<Value> finish();
  Result<std::string> finish_text();

 private:
  Budget* budget_;
  std::string text_;
  bool full_ = false;
};

void append_str(TextBuilder& out, const Value& value);   // str(value)
void append_repr(TextBuilder& out, const Value& value);  // repr(value)
Result<std::string> str(Budget& budget, const Value& value);

// Python's repr of a double: the shortest digits that read back, "1.0", "1e+16", "nan", "inf".
std::string float_repr(double value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // of one level; one line when absent
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// json.dumps; kInvalidInput for what JSON cannot hold (undefined, functions, generators, ...).
Result<Value> to_json(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace attune::text::jinja
