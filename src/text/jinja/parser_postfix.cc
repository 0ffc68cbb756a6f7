// What follows a value: .name, [index], (arguments), | filter, is test.
#include <charconv>

#include "text/jinja/parser.h"

namespace attune::text::jinja {
namespace {

ExpressionPtr around(ExpressionKind kind, int line, ExpressionPtr inner) {
  ExpressionPtr node = make_expression(kind, line);
  node->children.push_back(std::move(inner));
  return node;
}

// Whether a test's argument may stand here without parentheses: `x is divisibleby 3`.
bool starts_test_argument(const Token& token) {
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat: return true;
    case TokenKind::kName: return token.text != "else" && token.text != "or" && token.text != "and";
    case TokenKind::kOperator: return token.text == "[" || token.text == "{";
    default: return false;
  }
}

}  // namespace

Result<ExpressionPtr> Parser::postfix(ExpressionPtr node) {
  while (true) {
    if (current().is_operator(".")) {
      node = TRY(attribute(std::move(node)));
    } else if (current().is_operator("[")) {
      node = TRY(subscript(std::move(node)));
    } else if (current().is_operator("(")) {
      node = TRY(call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExpressionPtr> Parser::filters_and_tests(ExpressionPtr node) {
  while (true) {
    if (current().is_operator("|")) {
      node = TRY(filter(std::move(node)));
    } else if (current().is_name("is")) {
      node = TRY(test(std::move(node)));
    } else if (current().is_operator("(")) {
      node = TRY(call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExpressionPtr> Parser::attribute(ExpressionPtr node) {
  int line = current().line;
  advance();
  if (current().is(TokenKind::kName)) {
    ExpressionPtr made = around(ExpressionKind::kAttribute, line, std::move(node));
    made->name = current().text;
    advance();
    return finish(std::move(made));
  }
  if (!current().is(TokenKind::kInteger)) return unexpected("a name or a number after the dot");
  ExpressionPtr made = around(ExpressionKind::kItem, line, std::move(node));
  made->children.push_back(TRY(number()));
  return finish(std::move(made));
}

Result<ExpressionPtr> Parser::subscript(ExpressionPtr node) {
  int line = current().line;
  advance();
  if (current().is_operator(":")) return slice(std::move(node), nullptr, line);
  ExpressionPtr index = TRY(expression());
  if (current().is_operator(":")) return slice(std::move(node), std::move(index), line);
  if (current().is_operator(",")) {
    ExpressionPtr key = around(ExpressionKind::kTuple, line, std::move(index));
    while (skip_operator(",")) key->children.push_back(TRY(expression()));
    index = TRY(finish(std::move(key)));
  }
  TRY(expect_operator("]"));
  ExpressionPtr made = around(ExpressionKind::kItem, line, std::move(node));
  made->children.push_back(std::move(index));
  return finish(std::move(made));
}

Result<ExpressionPtr> Parser::slice(ExpressionPtr node, ExpressionPtr start, int line) {
  ExpressionPtr made = around(ExpressionKind::kSlice, line, std::move(node));
  made->children.push_back(std::move(start));
  for (int part = 0; part < 2; ++part) {
    bool present = skip_operator(":") && !current().is_operator(":") && !current().is_operator("]");
    made->children.push_back(present ? TRY(expression()) : nullptr);
  }
  TRY(expect_operator("]"));
  return finish(std::move(made));
}

Result<ExpressionPtr> Parser::call(ExpressionPtr node) {
  ExpressionPtr made = around(ExpressionKind::kCall, current().line, std::move(node));
  made->arguments = TRY(arguments());
  return finish(std::move(made));
}

Status Parser::argument(Arguments& made) {
  auto misplaced = [this] {
    return error(current().line, "arguments stand in a wrong order; names come after the others");
  };
  if (skip_operator("*")) {
    if (made.rest || made.rest_named) return misplaced();
    made.rest = TRY(expression());
  } else if (skip_operator("**")) {
    if (made.rest_named) return misplaced();
    made.rest_named = TRY(expression());
  } else if (current().is(TokenKind::kName) && look().is_operator("=")) {
    if (made.rest_named) return misplaced();
    std::string name = current().text;
    advance();
    advance();
    made.named.emplace_back(std::move(name), TRY(expression()));
  } else {
    if (made.rest || made.rest_named || !made.named.empty()) return misplaced();
    made.positional.push_back(TRY(expression()));
  }
  return {};
}

Result<std::unique_ptr<Arguments>> Parser::arguments() {
  TRY(expect_operator("("));
  auto made = std::make_unique<Arguments>();
  while (!current().is_operator(")")) {
    TRY(argument(*made));
    if (!skip_operator(",")) break;
  }
  TRY(expect_operator(")"));
  return made;
}

Result<std::string> Parser::dotted_name() {
  std::string name = TRY(any_name());
  while (skip_operator(".")) name += "." + TRY(any_name());
  return name;
}

Result<ExpressionPtr> Parser::filter(ExpressionPtr node) {
  TRY(expect_operator("|"));
  ExpressionPtr made = around(ExpressionKind::kFilter, current().line, std::move(node));
  made->name = TRY(dotted_name());
  if (current().is_operator("(")) made->arguments = TRY(arguments());
  return finish(std::move(made));
}

Status Parser::test_arguments(Expression& made) {
  if (current().is_operator("(")) {
    made.arguments = TRY(arguments());
  } else if (starts_test_argument(current())) {
    if (current().is_name("is")) return error(current().line, "tests with `is` cannot be chained");
    made.arguments = std::make_unique<Arguments>();
    ExpressionPtr value = TRY(primary());
    made.arguments->positional.push_back(TRY(postfix(std::move(value))));
  }
  return {};
}

Result<ExpressionPtr> Parser::test(ExpressionPtr node) {
  int line = current().line;
  advance();
  bool negated = skip_name("not");
  ExpressionPtr made = around(ExpressionKind::kTest, line, std::move(node));
  made->name = TRY(dotted_name());
  TRY(test_arguments(*made));
  made = TRY(finish(std::move(made)));
  if (!negated) return made;
  return finish(around(ExpressionKind::kNot, line, std::move(made)));
}

}  // namespace attune::text::jinja
