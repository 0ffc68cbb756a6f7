// CHECK: assertions about our own code, always on. A failed CHECK is a bug of Attune: it prints the
// condition, the place and a message, and aborts. What users give us must never reach one: return
// an Error (base/result.h) instead.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace attune {

// Prints and aborts; used by CHECK only.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const std::string& message);

namespace check_internal {
inline std::string message() {
  return {};
}
template <typename... Args>
std::string message(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}
}  // namespace check_internal

}  // namespace attune

// CHECK(condition) or CHECK(condition, "format {}", value...)
#define CHECK(condition, ...)                                                 \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::attune::check_failed(#condition, __FILE__, __LINE__,                  \
                             ::attune::check_internal::message(__VA_ARGS__)); \
  } while (false)
