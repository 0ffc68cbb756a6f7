// Columns of a published row, as importers read them: errors name the column, as parse_example's.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "data/example.h"

namespace attune::data {

// The column, or nullptr when it is absent, null, or the row is no object.
const OrderedJson* find_column(const OrderedJson& row, std::string_view name);

// Required texts and objects; `where` precedes the name in errors ("summaries[0].").
Result<std::string> text_column(const OrderedJson& row, std::string_view name,
                                const std::string& where = "");
// "" when absent or null; whole numbers are read as their digits (ids).
Result<std::string> optional_text_column(const OrderedJson& row, std::string_view name);
Result<const OrderedJson*> list_column(const OrderedJson& row, std::string_view name);
// Nothing when absent or null. kInvalidInput for what is no number from 0 to 1e9, whole.
Result<std::optional<int>> optional_count_column(const OrderedJson& row, std::string_view name);

// Puts every column that is not named in `mapped` into the example's `extra`. A name that canonical
// rows use for something else gets "original_" before it.
void keep_other_columns(const OrderedJson& row, std::initializer_list<std::string_view> mapped,
                        Example& example);
void keep_column(const std::string& name, const OrderedJson& value, Example& example);

// The row's "id", if it has one, as the example's; it names the row in `source` too.
Status take_id(const OrderedJson& row, Example& example);

// One turn, and a conversation of one user turn.
Message message(const std::string& role, const std::string& text);
Messages user_turn(const std::string& text);
Messages assistant_turn(const std::string& text);

}  // namespace attune::data
