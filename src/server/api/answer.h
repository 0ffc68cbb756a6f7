// What an endpoint gives back: a value or a Failure (a status and the body that the contract asks
// for). Works with TRY; an Error of the layers below becomes the failure that fits its code:
// kNotFound 404, kConflict 409, kInvalidInput 422, kUnsupported 422, kUnavailable 503, else 500.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "base/result.h"

namespace attune::api {

struct Failure {
  int status = 500;
  OrderedJson body;
  // The error of a lower layer that it came from: for the log, where the client hears less (SQL,
  // paths), and for the store, which runs some writes again.
  std::optional<Error> cause;

  Failure(int status_code, OrderedJson json) : status(status_code), body(std::move(json)) {}
  Failure(const Error& error);
};

// {"detail": text}
Failure detail(int status, std::string text);
Failure unauthorized(std::string text = "Could not validate credentials");
Failure forbidden(std::string text = "Operation not allowed");

// A request that does not fit its schema: 422 with every mistake found,
//   {"detail":{"code":"argilla.api.errors::ValidationError","params":{"errors":[{type,loc,msg}]}}}
struct SchemaMistake {
  std::string type;  // "missing", "string_too_short", ...
  OrderedJson loc;   // ["body","settings","options",0,"value"]
  std::string msg;   // "Field required"
};
Failure schema_failure(const std::vector<SchemaMistake>& mistakes);
// 500 as the contract writes it: what went wrong inside goes to the log alone.
Failure internal_failure(Error cause);

template <typename T>
class [[nodiscard]] Answer {
 public:
  using Value = T;
  Answer(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Answer(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  Answer(const Error& error) : state_(std::in_place_index<1>, Failure(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Answer*>(this)->checked(); }
  T value() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const Failure& error() const {
    CHECK(!ok(), "error() of an Answer that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  T* checked() {
    CHECK(ok(), "value() of a failure");
    return std::get_if<0>(&state_);
  }
  std::variant<T, Failure> state_;
};

// Allowed, done, fits: `return {};`.
template <>
class [[nodiscard]] Answer<void> {
 public:
  using Value = void;
  Answer() = default;
  Answer(Failure failure) : failure_(std::move(failure)) {}
  Answer(const Error& error) : failure_(Failure(error)) {}

  bool ok() const { return !failure_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { CHECK(ok(), "value() of a failure"); }
  const Failure& error() const {
    CHECK(!ok(), "error() of an Answer that holds a value");
    return *failure_;
  }

 private:
  std::optional<Failure> failure_;
};

}  // namespace attune::api
