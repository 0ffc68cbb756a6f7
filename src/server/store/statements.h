// Statements over many rows or keys. A text is made for each of a few sizes only, so that every
// connection prepares each of them once.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "server/store/database.h"

namespace attune::store {

// Runs `head` VALUES ($1, ...), (...) `tail` until all rows are in; values hold row after row, each
// of `columns` values. Gives what a RETURNING of the tail gives, in no promised order.
Result<Rows> insert_rows(Connection& connection, std::string_view head, size_t columns,
                         std::span<const Value> values, std::string_view tail = "");

// Runs `before` ($n, ...) `after` for portions of the keys. `fixed` are the parameters that the
// text names itself, $1 and on; keys come behind them. Rows come portion by portion; a key that is
// given twice may give its rows twice. No keys: no rows, nothing is run.
Result<Rows> run_in(Connection& connection, std::string_view before, std::span<const Value> keys,
                    std::string_view after = "", std::initializer_list<Value> fixed = {});

// Keys as values.
std::vector<Value> as_values(std::span<const int64_t> keys);
std::vector<Value> as_values(std::span<const std::string> keys);

}  // namespace attune::store
