#include "text/jinja/sorting.h"

namespace attune::text::jinja {
namespace {

// Whether b must stand before a.
Result<bool> out_of_order(Budget& budget, const Keyed& a, const Keyed& b, bool reverse) {
  for (size_t i = 0; i < a.keys.size() && i < b.keys.size(); ++i) {
    int sign = TRY(compare(budget, a.keys[i], b.keys[i]));
    if (sign != 0) return reverse ? sign < 0 : sign > 0;
  }
  return false;
}

}  // namespace

// Merges runs of 1, 2, 4, ... rows.
Result<std::vector<Value>> sorted(Budget& budget, std::vector<Keyed> rows, bool reverse) {
  std::vector<Keyed> merged(rows.size());
  for (size_t width = 1; width < rows.size(); width *= 2) {
    for (size_t start = 0; start < rows.size(); start += 2 * width) {
      size_t middle = std::min(start + width, rows.size());
      size_t end = std::min(start + 2 * width, rows.size());
      size_t left = start;
      size_t right = middle;
      for (size_t to = start; to < end; ++to) {
        bool take_right = left >= middle;
        if (!take_right && right < end) {
          take_right = TRY(out_of_order(budget, rows[left], rows[right], reverse));
        }
        merged[to] = std::move(take_right ? rows[right++] : rows[left++]);
      }
    }
    rows.swap(merged);
  }
  std::vector<Value> items;
  items.reserve(rows.size());
  for (Keyed& row : rows) items.push_back(std::move(row.item));
  return items;
}

}  // namespace attune::text::jinja
