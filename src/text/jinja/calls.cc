// Calling: macros, the functions that every template has, methods and recursive loops.
#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/rendering.h"
#include "text/jinja/rendering_places.h"

namespace attune::text::jinja {
namespace {

constexpr int64_t kRangeMax = 100'000;  // as Jinja's sandbox has it
constexpr size_t kTimeBytesMax = 4096;

}  // namespace

Result<Value> Rendering::call(const Value& callee, const CallArguments& arguments) {
  switch (callee.kind()) {
    case Kind::kMacro: return call_macro(*callee.macro(), arguments);
    case Kind::kFunction: return call_function(callee.function(), arguments);
    case Kind::kLoop: return call_loop(callee.loop(), arguments);
    case Kind::kMethod:
      if (callee.method().self.is(Kind::kLoop)) return call_loop_method(callee.method(), arguments);
      return call_method(budget_, callee.method(), arguments);
    case Kind::kUndefined: return invalid_input("{}", callee.why());
    default: return invalid_input("a {} cannot be called", type_name(callee));
  }
}

Result<Value> Rendering::call_macro(const Macro& macro, const CallArguments& arguments) {
  std::shared_ptr<Scope> outer = macro.scope.lock();
  if (!outer) return invalid_input("a macro was called after the block that defined it ended");
  ScopeChange inner(*this, std::move(outer));
  TRY(bind_parameters(*macro.statement, arguments));
  return captured(macro.statement->body);
}

Status Rendering::bind_parameters(const Statement& statement, const CallArguments& arguments) {
  const std::vector<Parameter>& parameters = statement.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Value* given = i < arguments.positional.size() ? &arguments.positional[i] : nullptr;
    for (const auto& [name, value] : arguments.named) {
      if (name != parameters[i].name) continue;
      if (given != nullptr) return invalid_input("the argument '{}' is given twice", name);
      given = &value;
    }
    Value value;
    if (given != nullptr) {
      value = *given;
    } else if (parameters[i].fallback) {
      value = TRY(evaluate(*parameters[i].fallback));
    } else {
      value = Value::undefined(fmt::format("parameter '{}' was not provided", parameters[i].name));
    }
    TRY(define(parameters[i].name, std::move(value)));
  }
  return bind_rest(statement, arguments);
}

Status Rendering::bind_rest(const Statement& statement, const CallArguments& arguments) {
  const std::vector<Parameter>& parameters = statement.parameters;
  auto is_parameter = [&parameters](const std::string& name) {
    for (const Parameter& parameter : parameters) {
      if (parameter.name == name) return true;
    }
    return false;
  };
  std::vector<Value> rest;
  for (size_t i = parameters.size(); i < arguments.positional.size(); ++i) {
    rest.push_back(arguments.positional[i]);
  }
  std::string macro = statement.text.empty() ? "caller" : statement.text;
  if (!rest.empty() && !statement.takes_rest) {
    return invalid_input("the macro '{}' takes {} arguments, found {}", macro, parameters.size(),
                         arguments.positional.size());
  }
  Value caller = Value::undefined("No caller defined");
  Dict named;
  for (const auto& [name, value] : arguments.named) {
    if (is_parameter(name)) continue;
    if (name == "caller" && statement.takes_caller) {
      caller = value;
    } else if (statement.takes_named) {
      named.set(TRY(make_string(budget_, name)), value);
    } else {
      return invalid_input("the macro '{}' has no argument '{}'", macro, name);
    }
  }
  if (statement.takes_caller && !is_parameter("caller")) TRY(define("caller", std::move(caller)));
  if (statement.takes_named) {
    Value kwargs = TRY(make_dict(budget_, std::move(named)));
    TRY(define("kwargs", std::move(kwargs)));
  }
  if (!statement.takes_rest) return {};
  return define("varargs", TRY(make_sequence(budget_, std::move(rest), Shape::kTuple)));
}

Result<Value> Rendering::call_function(Function function, const CallArguments& arguments) {
  switch (function) {
    case Function::kRange: return call_range(arguments);
    case Function::kDict: return make_dict(budget_, TRY(dict_of(arguments)));
    case Function::kNamespace: return call_namespace(arguments);
    case Function::kStrftimeNow: return call_strftime(arguments);
    case Function::kRaiseException: break;
  }
  Bound bound = TRY(bind("raise_exception", arguments, {"message"}, 1));
  return invalid_input("the template refuses this conversation: {}", TRY(str(budget_, *bound[0])));
}

Result<Value> Rendering::call_range(const CallArguments& arguments) {
  const std::vector<Value>& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.named.empty()) {
    return invalid_input("range takes one to three whole numbers");
  }
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < given.size(); ++i) numbers[i] = TRY(int_or(given[i], 0));
  if (given.size() == 1) std::swap(numbers[0], numbers[1]);
  auto [start, stop, step] = numbers;
  if (step == 0) return invalid_input("range cannot have the step 0");
  __int128 span = step > 0 ? __int128{stop} - start : __int128{start} - stop;
  __int128 stride = step > 0 ? __int128{step} : -__int128{step};
  __int128 count = span > 0 ? (span + stride - 1) / stride : 0;
  if (count > kRangeMax) {
    return unsupported("a range has more than {} numbers, which templates may not make", kRangeMax);
  }
  auto made = std::make_shared<Sequence>();
  TRY(budget_.bytes(static_cast<uint64_t>(count) * sizeof(Value)));
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i)
    made->items.emplace_back(start + i * step);
  made->shape = Shape::kRange;
  made->label = step == 1 ? fmt::format("range({}, {})", start, stop)
                          : fmt::format("range({}, {}, {})", start, stop, step);
  return Value(std::shared_ptr<const Sequence>(std::move(made)));
}

// dict(mapping or list of pairs, **named), as Python's.
Result<Dict> Rendering::dict_of(const CallArguments& arguments) {
  if (arguments.positional.size() > 1) return invalid_input("dict takes at most one list");
  Dict made;
  for (const Value& source : arguments.positional) {
    if (source.is(Kind::kDict)) {
      for (const auto& [key, value] : source.dict().entries) {
        TRY(may_be_key(budget_, key, made.entries.size()));
        made.set(key, value);
      }
      continue;
    }
    for (const Value& pair : TRY(iterate(budget_, source))) {
      std::vector<Value> both = TRY(iterate(budget_, pair));
      if (both.size() != 2 || !TRY(may_be_key(budget_, both[0], made.entries.size()))) {
        return invalid_input("dict needs pairs of a key and a value");
      }
      made.set(both[0], both[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    made.set(TRY(make_string(budget_, name)), value);
  }
  return made;
}

Result<Value> Rendering::call_namespace(const CallArguments& arguments) {
  Dict attributes = TRY(dict_of(arguments));
  TRY(budget_.bytes(sizeof(Namespace)));
  Namespace made;
  for (const auto& [key, value] : attributes.entries) {
    if (!key.is_string()) continue;  // cannot be read back by any name
    if (key.string().starts_with('_')) {
      return invalid_input("a namespace has no attribute {}: names with a leading underscore are "
                           "refused", key.string());
    }
    TRY(budget_.bytes(key.string().size() + sizeof(Value)));
    made.attributes.insert_or_assign(key.string(), value);
  }
  namespaces_.push_back(std::move(made));
  return Value(&namespaces_.back());
}

Result<Value> Rendering::call_strftime(const CallArguments& arguments) {
  Bound bound = TRY(bind("strftime_now", arguments, {"format"}, 1));
  // One character more, so that an empty result can be told from one that did not fit.
  std::string format = TRY(text_or(bound[0], "")) + " ";
  std::string text(kTimeBytesMax, '\0');
  if (format.size() > kTimeBytesMax / 8 || format.find('\0') != std::string::npos) {
    return invalid_input("the format of strftime_now is too long");
  }
  size_t size = std::strftime(text.data(), text.size(), format.c_str(), &now_);
  if (size == 0) return invalid_input("strftime_now makes a text that is too long");
  text.resize(size - 1);
  return make_string(budget_, std::move(text));
}

}  // namespace attune::text::jinja
