#include "engine/tensor/guarded.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string_view>

namespace attune::engine {
namespace {

std::string place(const Operation& operation) {
  std::string text = operation.name;
  const char* separator = " (";
  for (const auto& [name, tensor] : operation.tensors) {
    text += separator + name + " " + describe(tensor);
    separator = ", ";
  }
  if (!operation.tensors.empty()) text += ")";
  return text;
}

// LibTorch's messages carry file names and stack frames after the first line.
std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

bool says_out_of_memory(std::string_view text) {
  return text.find("can't allocate memory") != std::string_view::npos ||
         text.find("out of memory") != std::string_view::npos;
}

Error out_of_memory(const Operation& operation, const std::string& said) {
  return make_error(ErrorCode::kUnavailable,
                    "{}: out of memory ({}); lower max_tokens_per_batch or max_length, switch on "
                    "gradient_checkpointing, or train with use_peft",
                    place(operation), said);
}

}  // namespace

std::string describe(const Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  std::string shape;
  for (int64_t size : tensor.sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  std::string type = c10::toString(tensor.scalar_type());
  if (tensor.scalar_type() == at::kFloat) type = "fp32";
  if (tensor.scalar_type() == at::kBFloat16) type = "bf16";
  if (tensor.scalar_type() == at::kHalf) type = "fp16";
  return type + " [" + shape + "] on " + tensor.device().str();
}

Error error_of_current_exception(const Operation& operation) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(operation, first_line(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string said = first_line(error.what_without_backtrace());
    if (says_out_of_memory(said)) return out_of_memory(operation, said);
    return make_error(ErrorCode::kInternal, "{}: {}", place(operation), said);
  } catch (const std::bad_alloc&) {
    return out_of_memory(operation, "allocation refused");
  } catch (const std::exception& error) {
    return make_error(ErrorCode::kInternal, "{}: {}", place(operation), first_line(error.what()));
  } catch (...) {
    return make_error(ErrorCode::kInternal, "{}: an exception of unknown type", place(operation));
  }
}

}  // namespace attune::engine
