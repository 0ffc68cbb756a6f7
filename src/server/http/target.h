// The target of a request line, "/api/v1/users?limit=5", taken apart. Only origin form is taken.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"

namespace attune::http {

inline constexpr size_t kQueryItemsMax = 2000;

struct Target {
  std::string path;
  Query query;
};

// Decodes %xx once, and '+' to a space behind the '?'. Errors (kInvalidInput) for what is not an
// absolute path of visible ASCII, a percent sign that is no code, an encoded slash or NUL, bytes
// that are no UTF-8, and "." or ".." as a segment: nothing behind us may read a path otherwise.
Result<Target> parse_target(std::string_view text);

}  // namespace attune::http
