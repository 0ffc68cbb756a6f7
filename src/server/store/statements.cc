#include "server/store/statements.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace attune::store {
namespace {

// Rows of one INSERT: the largest that still fits, then the next.
constexpr std::array<size_t, 3> kInsertSizes = {64, 8, 1};
// Keys of one list: the smallest that holds the rest; it is filled up with the last key again.
constexpr std::array<size_t, 4> kListSizes = {1, 8, 64, 256};

void append_list(std::string& sql, size_t first, size_t count) {
  sql += '(';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) sql += ',';
    sql += '$';
    sql += std::to_string(first + i);
  }
  sql += ')';
}

void append(Rows& rows, Rows&& more) {
  std::move(more.begin(), more.end(), std::back_inserter(rows));
}

}  // namespace

Result<Rows> insert_rows(Connection& connection, std::string_view head, size_t columns,
                         std::span<const Value> values, std::string_view tail) {
  CHECK(columns > 0 && values.size() % columns == 0, "{} values in rows of {}", values.size(),
        columns);
  Rows returned;
  for (const size_t size : kInsertSizes) {
    if (values.size() < size * columns) continue;
    std::string sql(head);
    sql += " VALUES ";
    for (size_t row = 0; row < size; ++row) {
      if (row > 0) sql += ',';
      append_list(sql, 1 + row * columns, columns);
    }
    sql += ' ';
    sql += tail;
    while (values.size() >= size * columns) {
      append(returned, TRY(connection.run(sql, values.first(size * columns))));
      values = values.subspan(size * columns);
    }
  }
  return returned;
}

Result<Rows> run_in(Connection& connection, std::string_view before, std::span<const Value> keys,
                    std::string_view after, std::initializer_list<Value> fixed) {
  Rows rows;
  while (!keys.empty()) {
    const auto size = std::find_if(kListSizes.begin(), kListSizes.end() - 1,
                                   [&](size_t one) { return one >= keys.size(); });
    const size_t taken = std::min(*size, keys.size());
    std::vector<Value> parameters(fixed);
    parameters.insert(parameters.end(), keys.begin(),
                      keys.begin() + static_cast<std::ptrdiff_t>(taken));
    parameters.resize(fixed.size() + *size, keys[taken - 1]);
    std::string sql(before);
    append_list(sql, fixed.size() + 1, *size);
    sql += after;
    append(rows, TRY(connection.run(sql, parameters)));
    keys = keys.subspan(taken);
  }
  return rows;
}

std::vector<Value> as_values(std::span<const int64_t> keys) {
  return {keys.begin(), keys.end()};
}
std::vector<Value> as_values(std::span<const std::string> keys) {
  return {keys.begin(), keys.end()};
}

}  // namespace attune::store
