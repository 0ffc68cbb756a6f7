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

// %xx as the byte it stands for, once; '+' as a space where asked. Errors (kInvalidInput) for a
// percent sign that is no code, a NUL, and bytes that are no UTF-8.
Result<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);

// Text as part of a path or of a query's value: all but letters, digits and -._~ as %xx.
std::string percent_encoded(std::string_view text);

// Decodes %xx once, and '+' to a space behind the '?'. Errors (kInvalidInput) for what is not an
// absolute path of visible ASCII, a percent sign that is no code, an encoded slash or NUL, bytes
// that are no UTF-8, and "." or ".." as a segment: nothing behind us may read a path otherwise.
Result<Target> parse_target(std::string_view text);

}  // namespace attune::http
