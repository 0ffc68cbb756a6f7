// A value that may be missing, as JSON.
#pragma once

#include <optional>

#include "base/json.h"

namespace attune::api {

// Without a value: null.
template <typename T>
OrderedJson or_null(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

}  // namespace attune::api
