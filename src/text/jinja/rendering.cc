#include "text/jinja/rendering.h"

#include "text/jinja/rendering_places.h"

namespace attune::text::jinja {

Rendering::Rendering(const ParsedTemplate& parsed, const Limits& limits, const std::tm& now)
    : parsed_(parsed),
      budget_(limits),
      now_(now),
      scope_(std::make_shared<Scope>()),
      output_(budget_) {
  scope_->names = {{"range", Function::kRange},
                   {"dict", Function::kDict},
                   {"namespace", Function::kNamespace},
                   {"raise_exception", Function::kRaiseException},
                   {"strftime_now", Function::kStrftimeNow}};
}

Result<Rendered> Rendering::run(const std::vector<std::pair<std::string, Value>>& variables) {
  for (const auto& [name, value] : variables) scope_->names.insert_or_assign(name, value);
  auto flow = execute(parsed_.body);
  auto located = [this](const Error& error) {
    return error.with_context(fmt::format("template line {}", line_));
  };
  if (!flow.ok()) return located(flow.error());
  auto text = output_.finish_text();
  if (!text.ok()) return located(text.error());
  return Rendered{std::move(*text), std::move(generated_)};
}

Result<Rendering::Flow> Rendering::execute(const Body& body) {
  if (depth_ >= budget_.limits().call_depth_max) {
    return unsupported("blocks or macros are inside each other too deeply (more than {} levels)",
                       budget_.limits().call_depth_max);
  }
  ++depth_;
  Flow flow = Flow::kNext;
  for (const auto& statement : body) {
    flow = TRY(execute(*statement));
    if (flow != Flow::kNext) break;
  }
  --depth_;
  return flow;
}

Result<Rendering::Flow> Rendering::execute(const Statement& statement) {
  line_ = statement.line;
  TRY(budget_.step());
  switch (statement.kind) {
    case StatementKind::kText:
      if (!out_->append(statement.text)) return budget_.too_many_bytes();
      return Flow::kNext;
    case StatementKind::kPrint: TRY(print_expression(*statement.expression)); return Flow::kNext;
    case StatementKind::kIf: return execute_if(statement);
    case StatementKind::kFor: return execute_for(statement);
    case StatementKind::kSet: TRY(execute_set(statement)); return Flow::kNext;
    case StatementKind::kSetBlock: TRY(execute_set_block(statement)); return Flow::kNext;
    case StatementKind::kMacro:
      TRY(budget_.bytes(sizeof(Macro)));
      TRY(define(statement.text, Value(std::make_shared<const Macro>(Macro{&statement, scope_}))));
      return Flow::kNext;
    case StatementKind::kCall: TRY(execute_call(statement)); return Flow::kNext;
    case StatementKind::kFilter: TRY(execute_filter(statement)); return Flow::kNext;
    case StatementKind::kWith: return execute_with(statement);
    case StatementKind::kGeneration: return execute_generation(statement);
    case StatementKind::kBreak: return Flow::kBreak;
    case StatementKind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

Result<Rendering::Flow> Rendering::execute_if(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition && !truthy(TRY(evaluate(*branch.condition)))) continue;
    return execute(branch.body);
  }
  return Flow::kNext;
}

Result<Rendering::Flow> Rendering::execute_with(const Statement& statement) {
  std::vector<Value> values;
  for (const auto& [target, expression] : statement.assignments) {
    values.push_back(TRY(evaluate(*expression)));
  }
  ScopeChange inner(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) {
    TRY(assign(statement.assignments[i].first, values[i]));
  }
  return execute(statement.body);
}

Result<Value> Rendering::captured(const Body& body) {
  Capture capture(*this);
  TRY(execute(body));
  return capture.text.finish();
}

Status Rendering::execute_set_block(const Statement& statement) {
  Value text;
  {
    ScopeChange inner(*this, scope_);
    text = TRY(captured(statement.body));
  }
  if (statement.expression) text = TRY(evaluate_filter(*statement.expression, &text));
  return assign(statement.target, text);
}

Status Rendering::execute_call(const Statement& statement) {
  const Expression& node = *statement.expression;
  Value callee = TRY(evaluate(*node.children[0]));
  CallArguments arguments = TRY(evaluate_arguments(node));
  arguments.named.emplace_back("caller", std::make_shared<const Macro>(Macro{&statement, scope_}));
  return print(TRY(call(callee, arguments)));
}

Status Rendering::execute_filter(const Statement& statement) {
  Value text;
  {
    ScopeChange inner(*this, scope_);
    text = TRY(captured(statement.body));
  }
  return print(TRY(evaluate_filter(*statement.expression, &text)));
}

Result<Rendering::Flow> Rendering::execute_generation(const Statement& statement) {
  size_t start = out_->size();
  {
    ScopeChange inner(*this, scope_);
    TRY(execute(statement.body));
  }
  if (out_ == &output_) generated_.emplace_back(start, out_->size());
  return Flow::kNext;
}

Status Rendering::execute_set(const Statement& statement) {
  return assign(statement.target, TRY(evaluate(*statement.expression)));
}

Status Rendering::print_expression(const Expression& expression) {
  return print(TRY(evaluate(expression)));
}

Status Rendering::print(const Value& value) {
  append_str(*out_, value);
  if (out_->full()) return budget_.too_many_bytes();
  return {};
}

Status Rendering::define(const std::string& name, Value value) {
  TRY(budget_.bytes(name.size() + sizeof(Value)));
  scope_->names.insert_or_assign(name, std::move(value));
  return {};
}

Status Rendering::assign(const Target& target, const Value& value) {
  if (!target.attribute.empty()) return assign_attribute(target, value);
  if (!target.is_tuple) return define(target.name, value);
  std::vector<Value> items = TRY(iterate(budget_, value));
  if (items.size() != target.parts.size()) {
    return invalid_input("{} values cannot be unpacked into {} names", items.size(),
                         target.parts.size());
  }
  for (size_t i = 0; i < items.size(); ++i) TRY(assign(target.parts[i], items[i]));
  return {};
}

Status Rendering::assign_attribute(const Target& target, const Value& value) {
  Value owner = lookup(target.name);
  if (!owner.is(Kind::kNamespace)) {
    return invalid_input("{}.{} cannot be set: {} is no namespace; make it with "
                         "{{% set {} = namespace() %}}",
                         target.name, target.attribute, target.name, target.name);
  }
  if (target.attribute.starts_with('_')) {
    return invalid_input("a namespace has no attribute {}: names with a leading underscore are "
                         "refused", target.attribute);
  }
  TRY(budget_.bytes(target.attribute.size() + sizeof(Value)));
  owner.name_space().attributes.insert_or_assign(target.attribute, value);
  return {};
}

}  // namespace attune::text::jinja
