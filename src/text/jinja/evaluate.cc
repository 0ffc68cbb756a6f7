#include "text/jinja/operators.h"
#include "text/jinja/rendering.h"

namespace attune::text::jinja {

Value Rendering::lookup(const std::string& name) const {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    auto found = scope->names.find(name);
    if (found != scope->names.end()) return found->second;
  }
  return Value::undefined(fmt::format("'{}' is undefined", name));
}

Result<Value> Rendering::evaluate(const Expression& node) {
  TRY(budget_.step());
  if (depth_ >= budget_.limits().call_depth_max) {
    return unsupported("macros or expressions call each other too deeply (more than {} levels)",
                       budget_.limits().call_depth_max);
  }
  line_ = node.line;
  ++depth_;
  auto value = evaluate_node(node);
  --depth_;
  if (value.ok()) line_ = node.line;
  return value;
}

Result<Value> Rendering::evaluate_node(const Expression& node) {
  switch (node.kind) {
    case ExpressionKind::kConstant: return node.constant;
    case ExpressionKind::kName: return lookup(node.name);
    case ExpressionKind::kTuple: return evaluate_list(node, Shape::kTuple);
    case ExpressionKind::kList: return evaluate_list(node, Shape::kList);
    case ExpressionKind::kDict: return evaluate_dict(node);
    case ExpressionKind::kAttribute:
      return attribute(TRY(evaluate(*node.children[0])), node.name);
    case ExpressionKind::kItem: {
      Value container = TRY(evaluate(*node.children[0]));
      return item(container, TRY(evaluate(*node.children[1])));
    }
    case ExpressionKind::kSlice: return evaluate_slice(node);
    case ExpressionKind::kCall: return evaluate_call(node);
    case ExpressionKind::kFilter: return evaluate_filter(node, nullptr);
    case ExpressionKind::kTest: return evaluate_test(node);
    case ExpressionKind::kNot: return Value(!truthy(TRY(evaluate(*node.children[0]))));
    case ExpressionKind::kNegative:
    case ExpressionKind::kPositive: return evaluate_sign(node);
    case ExpressionKind::kArithmetic: return evaluate_arithmetic(node);
    case ExpressionKind::kConcat: return evaluate_concat(node);
    case ExpressionKind::kCompare: return evaluate_compare(node);
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: return evaluate_logic(node);
    case ExpressionKind::kConditional: return evaluate_conditional(node);
  }
  return Value();
}

Result<Value> Rendering::evaluate_list(const Expression& node, Shape shape) {
  std::vector<Value> items;
  items.reserve(node.children.size());
  for (const ExpressionPtr& child : node.children) items.push_back(TRY(evaluate(*child)));
  return make_sequence(budget_, std::move(items), shape);
}

Result<Value> Rendering::evaluate_dict(const Expression& node) {
  Dict dict;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Value key = TRY(evaluate(*node.children[i]));
    if (!TRY(may_be_key(budget_, key, dict.entries.size()))) {
      return invalid_input("a {} cannot be a key of a dict", type_name(key));
    }
    dict.set(std::move(key), TRY(evaluate(*node.children[i + 1])));
  }
  return make_dict(budget_, std::move(dict));
}

Result<Value> Rendering::evaluate_slice(const Expression& node) {
  Value container = TRY(evaluate(*node.children[0]));
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (node.children[i + 1]) bounds[i] = TRY(evaluate(*node.children[i + 1]));
  }
  line_ = node.line;
  if (container.is_undefined()) return invalid_input("{}", container.why());
  auto found = TRY(slice(budget_, container, bounds[0], bounds[1], bounds[2]));
  return found ? *found
               : Value::undefined(fmt::format("a {} has no such slice", type_name(container)));
}

Result<Value> Rendering::evaluate_concat(const Expression& node) {
  TextBuilder out(budget_);
  for (const ExpressionPtr& child : node.children) append_str(out, TRY(evaluate(*child)));
  return out.finish();
}

Result<Value> Rendering::evaluate_compare(const Expression& node) {
  Value left = TRY(evaluate(*node.children[0]));
  for (size_t i = 0; i < node.operators.size(); ++i) {
    Value right = TRY(evaluate(*node.children[i + 1]));
    line_ = node.line;
    if (!TRY(compare_with(budget_, node.operators[i], left, right))) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Rendering::evaluate_arithmetic(const Expression& node) {
  Value left = TRY(evaluate(*node.children[0]));
  Value right = TRY(evaluate(*node.children[1]));
  line_ = node.line;
  return arithmetic(budget_, node.name, left, right);
}

Result<Value> Rendering::evaluate_sign(const Expression& node) {
  Value value = TRY(evaluate(*node.children[0]));
  bool negative = node.kind == ExpressionKind::kNegative;
  if (value.is_integral()) {
    return arithmetic(budget_, negative ? "-" : "+", Value(int64_t{0}), value);
  }
  if (value.is(Kind::kFloat)) return Value(negative ? -value.number() : value.number());
  if (value.is_undefined()) return invalid_input("{}", value.why());
  return invalid_input("a {} has no sign", type_name(value));
}

Result<Value> Rendering::evaluate_logic(const Expression& node) {
  Value left = TRY(evaluate(*node.children[0]));
  bool decided = truthy(left) == (node.kind == ExpressionKind::kOr);
  return decided ? Result<Value>(std::move(left)) : evaluate(*node.children[1]);
}

Result<Value> Rendering::evaluate_conditional(const Expression& node) {
  if (truthy(TRY(evaluate(*node.children[0])))) return evaluate(*node.children[1]);
  if (node.children[2]) return evaluate(*node.children[2]);
  return Value::undefined("an `if` without `else` was false, so it has no value");
}

Result<CallArguments> Rendering::evaluate_arguments(const Expression& node) {
  CallArguments made;
  if (!node.arguments) return made;
  for (const ExpressionPtr& child : node.arguments->positional) {
    made.positional.push_back(TRY(evaluate(*child)));
  }
  for (const auto& [name, child] : node.arguments->named) {
    made.named.emplace_back(name, TRY(evaluate(*child)));
  }
  if (node.arguments->rest) {
    Value rest = TRY(evaluate(*node.arguments->rest));
    std::vector<Value> items = TRY(iterate(budget_, rest));
    made.positional.insert(made.positional.end(), items.begin(), items.end());
  }
  if (node.arguments->rest_named) {
    Value rest = TRY(evaluate(*node.arguments->rest_named));
    if (!rest.is(Kind::kDict)) return invalid_input("** needs a dict, found a {}", type_name(rest));
    TRY(budget_.step(rest.dict().entries.size()));
    for (const auto& [key, value] : rest.dict().entries) {
      if (!key.is_string()) return invalid_input("names of arguments must be strings");
      made.named.emplace_back(key.string(), value);
    }
  }
  line_ = node.line;
  return made;
}

Result<Value> Rendering::evaluate_call(const Expression& node) {
  Value callee = TRY(evaluate(*node.children[0]));
  return call(callee, TRY(evaluate_arguments(node)));
}

Result<Value> Rendering::evaluate_filter(const Expression& node, const Value* block) {
  Value value;
  if (node.children[0] == nullptr) {
    if (block == nullptr) return invalid_input("a filter has nothing to work on");
    value = *block;
  } else if (block != nullptr) {
    value = TRY(evaluate_filter(*node.children[0], block));
  } else {
    value = TRY(evaluate(*node.children[0]));
  }
  CallArguments arguments = TRY(evaluate_arguments(node));
  line_ = node.line;
  return filter(node.name, value, arguments);
}

Result<Value> Rendering::evaluate_test(const Expression& node) {
  Value value = TRY(evaluate(*node.children[0]));
  CallArguments arguments = TRY(evaluate_arguments(node));
  line_ = node.line;
  return Value(TRY(test(node.name, value, arguments)));
}

Result<Value> Rendering::attribute(const Value& value, const std::string& name) {
  if (value.is_undefined()) return invalid_input("{}", value.why());
  if (value.is(Kind::kLoop)) return loop_attribute(value, name);
  if (has_method(value, name)) {
    TRY(budget_.bytes(sizeof(Method)));
    return Value(std::make_shared<const Method>(Method{value, name}));
  }
  const Value* found = nullptr;
  if (value.is(Kind::kDict)) found = value.dict().find(name);
  if (value.is(Kind::kNamespace)) {
    auto at = value.name_space().attributes.find(name);
    if (at != value.name_space().attributes.end()) found = &at->second;
  }
  if (found != nullptr) return *found;
  return Value::undefined(fmt::format("a {} has no attribute '{}'", type_name(value), name));
}

Result<Value> Rendering::item(const Value& value, const Value& key) {
  if (value.is_undefined()) return invalid_input("{}", value.why());
  if (auto found = TRY(element(budget_, value, key))) return *found;
  if (key.is_string()) return attribute(value, key.string());
  if (key.is_integral()) {
    return Value::undefined(fmt::format("a {} has no element {}", type_name(value), key.integer()));
  }
  return Value::undefined(fmt::format("a {} has no such element", type_name(value)));
}

}  // namespace attune::text::jinja
