// One rendering of a parsed template: scopes, output and the budget. Used once, by one thread.
#pragma once

#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/loop.h"
#include "text/jinja/parser.h"
#include "text/jinja/text_of.h"
#include "text/jinja/value.h"

namespace attune::text::jinja {

// Names are looked up from the innermost scope outwards; only for loops, macros and blocks that
// capture their text open a new one.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::map<std::string, Value, std::less<>> names = {};
};

struct Macro {
  const Statement* statement = nullptr;  // kMacro or kCall
  std::weak_ptr<Scope> scope;            // where it was defined
};

struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Rendered {
  std::string text;
  // Bytes of `text` inside {% generation %} blocks that are not captured by a macro or set block.
  std::vector<std::pair<size_t, size_t>> generated;
};

class Rendering {
 public:
  // `parsed` must outlive the rendering. `now` is what strftime_now shows.
  Rendering(const ParsedTemplate& parsed, const Limits& limits, const std::tm& now);

  // Errors name the template's line.
  Result<Rendered> run(const std::vector<std::pair<std::string, Value>>& variables);

  // For filters and tests:
  Budget& budget() { return budget_; }
  Result<Value> filter(const std::string& name, const Value& value, const CallArguments& arguments);
  Result<bool> test(const std::string& name, const Value& value, const CallArguments& arguments);
  // value.name, and value[key] with a fallback to the attribute, as the template would.
  Result<Value> attribute(const Value& value, const std::string& name);
  Result<Value> item(const Value& value, const Value& key);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  struct Capture;      // output goes to its own text while it lives
  struct ScopeChange;  // another scope is current while it lives

  // rendering.cc: statements
  Result<Flow> execute(const Body& body);
  Result<Flow> execute(const Statement& statement);
  Result<Flow> execute_if(const Statement& statement);
  Result<Flow> execute_with(const Statement& statement);
  Status execute_set(const Statement& statement);
  Status execute_set_block(const Statement& statement);
  Status execute_call(const Statement& statement);
  Status execute_filter(const Statement& statement);
  Result<Flow> execute_generation(const Statement& statement);
  Status print_expression(const Expression& expression);
  Status print(const Value& value);
  Result<Value> captured(const Body& body);
  Status assign(const Target& target, const Value& value);
  Status assign_attribute(const Target& target, const Value& value);
  Status define(const std::string& name, Value value);

  // loops.cc
  Result<Flow> execute_for(const Statement& statement);
  Result<Flow> run_loop(const Statement& statement, const Value& iterable, int64_t depth0);
  Result<Flow> run_rounds(const Statement& statement, const std::shared_ptr<LoopState>& loop);
  Result<bool> passes(const LoopState& loop, const Value& item);
  Status fetch(LoopState& loop);  // fills `ahead`, or leaves it empty at the end
  Result<int64_t> loop_length(LoopState& loop);
  Result<Value> loop_attribute(const Value& loop, const std::string& name);
  Result<Value> call_loop(LoopState& loop, const CallArguments& arguments);
  Result<Value> call_loop_method(const Method& method, const CallArguments& arguments);

  // evaluate.cc: expressions
  Result<Value> evaluate(const Expression& node);
  Result<Value> evaluate_node(const Expression& node);
  Value lookup(const std::string& name) const;
  Result<Value> evaluate_list(const Expression& node, Shape shape);
  Result<Value> evaluate_dict(const Expression& node);
  Result<Value> evaluate_slice(const Expression& node);
  Result<Value> evaluate_concat(const Expression& node);
  Result<Value> evaluate_compare(const Expression& node);
  Result<Value> evaluate_arithmetic(const Expression& node);
  Result<Value> evaluate_sign(const Expression& node);
  Result<Value> evaluate_logic(const Expression& node);
  Result<Value> evaluate_conditional(const Expression& node);
  Result<Value> evaluate_call(const Expression& node);
  Result<Value> evaluate_filter(const Expression& node, const Value* block);
  Result<Value> evaluate_test(const Expression& node);
  Result<CallArguments> evaluate_arguments(const Expression& node);

  // calls.cc
  Result<Value> call(const Value& callee, const CallArguments& arguments);
  Result<Value> call_macro(const Macro& macro, const CallArguments& arguments);
  Status bind_parameters(const Statement& statement, const CallArguments& arguments);
  Status bind_rest(const Statement& statement, const CallArguments& arguments);
  Result<Value> call_function(Function function, const CallArguments& arguments);
  Result<Value> call_range(const CallArguments& arguments);
  Result<Dict> dict_of(const CallArguments& arguments);
  Result<Value> call_namespace(const CallArguments& arguments);
  Result<Value> call_strftime(const CallArguments& arguments);

  const ParsedTemplate& parsed_;
  Budget budget_;
  std::tm now_;
  std::deque<Namespace> namespaces_;  // owns what Value::name_space points to
  std::shared_ptr<Scope> scope_;
  TextBuilder output_;
  TextBuilder* out_ = &output_;
  std::vector<std::pair<size_t, size_t>> generated_;
  int depth_ = 0;
  int line_ = 1;  // of what is being evaluated; an error is reported there
};

}  // namespace attune::text::jinja
