// Result<T>: a value or an Error, for every module border where something outside of our control
// can go wrong (files, rows, options, network). Programmer mistakes use CHECK (base/check.h)
// instead.
//
//   Result<Config> load_config(const std::string& path) {
//     std::string text = TRY(read_file(path));          // returns the Error to our caller
//     if (text.empty()) return invalid_input("{}: the file is empty; write `model:`", path);
//     ...
//   }
//
// An error message says what happened, where (file, row or key) and what to do about it.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace attune {

enum class ErrorCode {
  kInvalidInput,  // a file, row, option or request that we cannot accept
  kNotFound,      // a file, key or remote object that does not exist
  kUnsupported,   // valid, but beyond what this build or version does
  kIo,            // the operating system refused: full disk, permission, broken pipe
  kUnavailable,   // a remote side did not answer or answered with a failure
  kCancelled,     // stopped on request (signal, closed connection)
  kUsage,         // wrong command line; exit code 2
  kConflict,      // what is there already stands against it: a name taken, a row that changed
  kInternal,      // a failure inside the engine that is no fault of the input
};

// The name of a code as logs and JSON show it, for example "invalid_input".
const char* to_string(ErrorCode code);

// Why an operation failed. Cheap to move; immutable but for `with_context`.
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error with `where` and a colon put before its message.
  Error with_context(const std::string& where) const { return {code_, where + ": " + message_}; }

 private:
  ErrorCode code_;
  std::string message_;
};

template <typename... Args>
Error make_error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error(code, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
Error invalid_input(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kInvalidInput, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error not_found(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kNotFound, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error unsupported(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kUnsupported, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error io_error(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kIo, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error conflict(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kConflict, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error usage_error(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kUsage, format, std::forward<Args>(args)...);
}

// A T or an Error. Reading the side that is not there is a programmer mistake and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return check_value(), *std::get_if<0>(&state_); }
  const T& value() const& { return check_value(), *std::get_if<0>(&state_); }
  // By value, so that `for (auto& row : read_rows(path).value())` keeps what it loops over.
  T value() && { return check_value(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    CHECK(!ok(), "error() of a Result that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  void check_value() const {
    CHECK(ok(), "value() of an error: {}", std::get_if<1>(&state_)->message());
  }

  std::variant<T, Error> state_;
};

// Success, or an Error: `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { CHECK(ok(), "value() of an error: {}", error_->message()); }
  const Error& error() const {
    CHECK(error_.has_value(), "error() of a Result that succeeded");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace attune

// The value of a Result, or an early return of its Error from the enclosing function.
#define TRY(expression)                                           \
  ({                                                              \
    auto try_result_ = (expression);                              \
    if (!try_result_.ok()) return std::move(try_result_).error(); \
    std::move(try_result_).value();                               \
  })
