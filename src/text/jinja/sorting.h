// A stable sort whose comparisons can fail.
#pragma once

#include <vector>

#include "text/jinja/value.h"

namespace attune::text::jinja {

struct Keyed {
  std::vector<Value> keys;  // compared one after the other
  Value item;
};

// The items by rising keys; equal ones keep their order, in reverse too.
Result<std::vector<Value>> sorted(Budget& budget, std::vector<Keyed> rows, bool reverse);

}  // namespace attune::text::jinja
