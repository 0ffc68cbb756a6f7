// The for statement and its `loop`. A filter (`for x in y if z`) runs as late as Jinja runs it: an
// item is tested when the loop needs it, or earlier when loop.last, nextitem or length asks.
#include "text/jinja/rendering.h"
#include "text/jinja/rendering_places.h"

namespace attune::text::jinja {

Result<Rendering::Flow> Rendering::execute_for(const Statement& statement) {
  return run_loop(statement, TRY(evaluate(*statement.expression)), 0);
}

Result<Rendering::Flow> Rendering::run_loop(const Statement& statement, const Value& iterable,
                                            int64_t depth0) {
  line_ = statement.line;
  auto loop = std::make_shared<LoopState>();
  loop->statement = &statement;
  loop->items = TRY(iterate(budget_, iterable));
  for (const Value& item : loop->items) {
    loop->depth_of_values = std::max(loop->depth_of_values, item.depth() + 1);
  }
  if (loop->depth_of_values > kValueDepthMax) {
    return unsupported("the template nests values deeper than {} levels", kValueDepthMax);
  }
  TRY(budget_.bytes(sizeof(LoopState) + loop->items.size() * sizeof(Value)));
  loop->outer = scope_;
  loop->depth0 = depth0;
  auto flow = run_rounds(statement, loop);
  loop->changed.reset();
  if (!flow.ok()) return flow;
  if (!loop->completed) {
    ScopeChange inner(*this, scope_);
    return execute(statement.otherwise);
  }
  return Flow::kNext;
}

Result<Rendering::Flow> Rendering::run_rounds(const Statement& statement,
                                              const std::shared_ptr<LoopState>& loop) {
  while (true) {
    TRY(budget_.step());
    TRY(fetch(*loop));
    if (!loop->ahead) return Flow::kNext;
    loop->previous = std::move(loop->current);
    loop->current = std::move(loop->ahead);
    loop->ahead.reset();
    ++loop->index0;
    ScopeChange inner(*this, scope_);
    scope_->names.emplace("loop", loop);
    TRY(assign(statement.target, *loop->current));
    Flow flow = TRY(execute(statement.body));
    if (flow == Flow::kBreak) return Flow::kNext;
    loop->completed |= flow == Flow::kNext;
  }
}

Result<bool> Rendering::passes(const LoopState& loop, const Value& item) {
  if (!loop.statement->condition || loop.tested) return true;
  std::shared_ptr<Scope> outer = loop.outer.lock();
  if (!outer) return invalid_input("a loop was used after its end");
  ScopeChange inner(*this, std::move(outer));
  TRY(assign(loop.statement->target, item));
  return truthy(TRY(evaluate(*loop.statement->condition)));
}

Status Rendering::fetch(LoopState& loop) {
  while (!loop.ahead && loop.next < loop.items.size()) {
    TRY(budget_.step());
    Value item = loop.items[loop.next++];
    if (TRY(passes(loop, item))) loop.ahead = std::move(item);
  }
  return {};
}

Result<int64_t> Rendering::loop_length(LoopState& loop) {
  if (loop.statement->condition && !loop.tested) {
    std::vector<Value> kept;
    while (loop.next < loop.items.size()) {
      TRY(budget_.step());
      Value item = loop.items[loop.next++];
      if (TRY(passes(loop, item))) kept.push_back(std::move(item));
    }
    loop.items = std::move(kept);
    loop.next = 0;
    loop.tested = true;
  }
  return loop.index0 + 1 + (loop.ahead ? 1 : 0) +
         static_cast<int64_t>(loop.items.size() - loop.next);
}

Result<Value> Rendering::loop_attribute(const Value& value, const std::string& name) {
  LoopState& loop = value.loop();
  if (name == "index") return Value(loop.index0 + 1);
  if (name == "index0") return Value(loop.index0);
  if (name == "first") return Value(loop.index0 == 0);
  if (name == "depth") return Value(loop.depth0 + 1);
  if (name == "depth0") return Value(loop.depth0);
  if (name == "length") return Value(TRY(loop_length(loop)));
  if (name == "revindex") return Value(TRY(loop_length(loop)) - loop.index0);
  if (name == "revindex0") return Value(TRY(loop_length(loop)) - loop.index0 - 1);
  if (name == "last" || name == "nextitem") {
    TRY(fetch(loop));
    if (name == "last") return Value(!loop.ahead.has_value());
    return loop.ahead ? *loop.ahead : Value::undefined("there is no next item");
  }
  if (name == "previtem") {
    return loop.previous ? *loop.previous : Value::undefined("there is no previous item");
  }
  if (name == "cycle" || name == "changed") {
    return Value(std::make_shared<const Method>(Method{value, name}));
  }
  return Value::undefined(fmt::format("'loop' has no attribute '{}'", name));
}

Result<Value> Rendering::call_loop_method(const Method& method, const CallArguments& arguments) {
  LoopState& loop = method.self.loop();
  const std::vector<Value>& given = arguments.positional;
  if (method.name == "cycle") {
    if (given.empty()) return invalid_input("loop.cycle needs at least one value");
    return given[static_cast<size_t>(std::max<int64_t>(loop.index0, 0)) % given.size()];
  }
  bool same = loop.changed && loop.changed->size() == given.size();
  for (size_t i = 0; same && i < given.size(); ++i) {
    same = TRY(equal(budget_, (*loop.changed)[i], given[i]));
  }
  if (!same) loop.changed = given;
  return Value(!same);
}

Result<Value> Rendering::call_loop(LoopState& loop, const CallArguments& arguments) {
  if (!loop.statement->recursive) {
    return invalid_input("loop(...) needs {{% for ... recursive %}}");
  }
  if (arguments.positional.size() != 1) return invalid_input("loop(...) takes one list");
  std::shared_ptr<Scope> outer = loop.outer.lock();
  if (!outer) return invalid_input("a loop was used after its end");
  std::shared_ptr<Scope> caller = std::exchange(scope_, std::move(outer));
  Capture capture(*this);
  auto flow = run_loop(*loop.statement, arguments.positional[0], loop.depth0 + 1);
  scope_ = std::move(caller);
  if (!flow.ok()) return flow.error();
  return capture.text.finish();
}

}  // namespace attune::text::jinja
