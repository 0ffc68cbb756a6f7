#include "text/unicode_exceptions.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace attune::text {
namespace {

struct Range {
  uint32_t first, last;
};

#include "text/unicode_exceptions.inc"

// The entry with the largest `first` that is not above the code point, or nullptr.
template <typename Table>
const Range* entry_below(const Table& table, uint32_t code_point) {
  const Range* after = std::upper_bound(std::begin(table), std::end(table), code_point,
                                        [](uint32_t c, const Range& r) { return c < r.first; });
  return after == std::begin(table) ? nullptr : after - 1;
}

template <typename Table>
bool is_in(const Table& table, uint32_t code_point) {
  const Range* range = entry_below(table, code_point);
  return range != nullptr && code_point <= range->last;
}

}  // namespace

bool unknown_to_forms(uint32_t code_point) { return is_in(kUnknownToForms, code_point); }
bool is_other_mark(uint32_t code_point) { return is_in(kOtherMarks, code_point); }

uint32_t reference_lower_case(uint32_t code_point) {
  const Range* pair = entry_below(kLowerCase, code_point);
  if (pair != nullptr && pair->first == code_point) return pair->last;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

}  // namespace attune::text
