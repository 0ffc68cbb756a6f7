// The border where exceptions of LibTorch become Results. Everything above the engine's trainers
// and servers calls tensor code through run_guarded; nothing below it catches.
//
//   Operation operation{"SFT step 12", {{"tokens", tokens}}};
//   Result<double> loss = run_guarded(operation, [&] { return step(); });
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine {

// What was being done, and with which tensors; only read when it fails.
struct Operation {
  std::string name;
  std::vector<std::pair<std::string, Tensor>> tensors;
};

// "fp32 [2048, 576] on cpu", or "undefined".
std::string describe(const Tensor& tensor);

// Turns the exception being handled into an Error: out of memory is kUnavailable with the advice
// what to lower, everything else kInternal. Call it only inside a catch block.
Error error_of_current_exception(const Operation& operation);

// Runs `body`, which returns a value, nothing, or a Result; an exception becomes an Error that
// names the operation, its tensors' types, shapes and devices, and what LibTorch said.
template <typename Body>
auto run_guarded(const Operation& operation, Body&& body) {
  using Returned = std::invoke_result_t<Body>;
  if constexpr (requires { typename Returned::Value; }) {
    try {
      return std::forward<Body>(body)();
    } catch (...) {
      return Returned(error_of_current_exception(operation));
    }
  } else {
    using Guarded = Result<Returned>;
    try {
      if constexpr (std::is_void_v<Returned>) {
        std::forward<Body>(body)();
        return Guarded();
      } else {
        return Guarded(std::forward<Body>(body)());
      }
    } catch (...) {
      return Guarded(error_of_current_exception(operation));
    }
  }
}

}  // namespace attune::engine
