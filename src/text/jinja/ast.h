// A parsed template: trees of expressions and statements, immutable and shared by all renderings.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace attune::text::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  kConstant,
  kName,         // name
  kTuple,        // children
  kList,         // children
  kDict,         // children: key, value, key, value, ...
  kAttribute,    // children[0].name
  kItem,         // children[0][children[1]]
  kSlice,        // children[0][children[1]:children[2]:children[3]], absent ones null
  kCall,         // children[0](arguments)
  kFilter,       // children[0] | name(arguments); children[0] null: of a block
  kTest,         // children[0] is name(arguments)
  kNot, kNegative, kPositive,
  kArithmetic,   // children[0] name children[1]; name is the operator
  kConcat,       // children joined by ~
  kCompare,      // children[0] operators[0] children[1] operators[1] ...
  kAnd, kOr,
  kConditional,  // children[1] if children[0] else children[2] (null: undefined)
};

struct Arguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr rest;        // *rest
  ExpressionPtr rest_named;  // **rest_named
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  int line = 1;
  int depth = 1;
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> children;
  std::vector<std::string> operators;
  std::unique_ptr<Arguments> arguments;
};

// Where an assignment goes: a name, an attribute of a namespace, or several of them.
struct Target {
  int line = 1;
  std::string name;
  std::string attribute;      // not empty: name.attribute
  std::vector<Target> parts;  // not empty or is_tuple: unpacking
  bool is_tuple = false;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Parameter {
  std::string name;
  ExpressionPtr fallback;  // may be null
};

enum class StatementKind {
  kText,         // text
  kPrint,        // expression
  kIf,           // branches: condition (null: else) and body
  kFor,          // target in expression if condition: body, else otherwise
  kSet,          // target = expression
  kSetBlock,     // target = filter(expression) of the rendered body
  kMacro,        // text: name; parameters; body
  kCall,         // call with caller(parameters): body; expression is the call
  kFilter,       // expression is the filter of the rendered body
  kWith,         // assignments; body
  kGeneration,   // body that the assistant wrote
  kBreak,
  kContinue,
};

struct Branch {
  ExpressionPtr condition;
  Body body;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  int line = 1;
  std::string text;
  ExpressionPtr expression;
  ExpressionPtr condition;
  Target target;
  std::vector<Branch> branches;
  std::vector<std::pair<Target, ExpressionPtr>> assignments;
  std::vector<Parameter> parameters;
  Body body;
  Body otherwise;
  bool recursive = false;     // kFor
  bool takes_rest = false;    // kMacro, kCall: the body reads `varargs`
  bool takes_named = false;   // kMacro, kCall: the body reads `kwargs`
  bool takes_caller = false;  // kMacro, kCall: the body reads `caller`
};

}  // namespace attune::text::jinja
