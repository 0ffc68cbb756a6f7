// The state behind `loop` in a for statement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace attune::text::jinja {

class Rendering;
struct Scope;

struct LoopState {
  const Statement* statement = nullptr;
  std::vector<Value> items;       // what the iterable yields
  size_t next = 0;                // of `items`
  bool tested = false;            // `items` have passed the filter already
  std::optional<Value> ahead;     // fetched early by loop.last, loop.nextitem
  std::optional<Value> previous;
  std::optional<Value> current;
  std::optional<std::vector<Value>> changed;  // last arguments of loop.changed
  std::weak_ptr<Scope> outer;     // of the for statement
  int64_t index0 = -1;
  bool completed = false;         // a round reached the body's end; if none does, `else` runs
  int64_t depth0 = 0;             // of recursive loops
  int depth_of_values = 1;        // see Value::depth
};

}  // namespace attune::text::jinja
