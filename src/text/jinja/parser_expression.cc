#include <charconv>
#include <cstdlib>

#include "text/jinja/parser.h"

namespace attune::text::jinja {
namespace {

int deepest(const Expression& node) {
  int depth = 0;
  auto look = [&depth](const ExpressionPtr& child) {
    if (child) depth = std::max(depth, child->depth);
  };
  for (const ExpressionPtr& child : node.children) look(child);
  if (node.arguments) {
    for (const ExpressionPtr& child : node.arguments->positional) look(child);
    for (const auto& [name, child] : node.arguments->named) look(child);
    look(node.arguments->rest);
    look(node.arguments->rest_named);
  }
  return depth;
}

bool is_comparison(const Token& token) {
  return token.kind == TokenKind::kOperator &&
         (token.text == "==" || token.text == "!=" || token.text == "<" || token.text == "<=" ||
          token.text == ">" || token.text == ">=");
}

bool is_arithmetic(const Token& token, int level) {
  if (token.kind != TokenKind::kOperator) return false;
  const std::string& op = token.text;
  if (level == 0) return op == "+" || op == "-";
  if (level == 1) return op == "*" || op == "/" || op == "//" || op == "%";
  return op == "**";
}

ExpressionPtr with_children(ExpressionKind kind, int line, ExpressionPtr a,
                            ExpressionPtr b = nullptr) {
  ExpressionPtr node = make_expression(kind, line);
  node->children.push_back(std::move(a));
  if (b) node->children.push_back(std::move(b));
  return node;
}

}  // namespace

ExpressionPtr make_expression(ExpressionKind kind, int line) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

Result<ExpressionPtr> Parser::finish(ExpressionPtr node) const {
  node->depth = deepest(*node) + 1;
  if (node->depth > kExpressionDepthMax) {
    return error(node->line, "the expression is nested too deeply; split it with {% set %}");
  }
  return node;
}

Result<ExpressionPtr> Parser::expression(bool with_conditional) {
  if (nesting_ >= kNestingMax) {
    return error(current().line, fmt::format("more than {} levels of nesting", kNestingMax));
  }
  ++nesting_;
  auto made = with_conditional ? conditional() : any_of();
  --nesting_;
  return made;
}

bool Parser::tuple_ends(Names ends) const {
  if (current().is(TokenKind::kPrintEnd) || current().is(TokenKind::kBlockEnd)) return true;
  if (current().is_operator(")")) return true;
  for (std::string_view end : ends) {
    if (current().is_name(end)) return true;
  }
  return false;
}

Result<ExpressionPtr> Parser::tuple(bool with_conditional, bool in_parentheses, Names ends) {
  ExpressionPtr node = make_expression(ExpressionKind::kTuple, current().line);
  bool is_tuple = false;
  while (!tuple_ends(ends)) {
    node->children.push_back(TRY(expression(with_conditional)));
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return finish(std::move(node));
  if (!node->children.empty()) return std::move(node->children[0]);
  if (!in_parentheses) return unexpected("an expression");
  return finish(std::move(node));
}

Result<ExpressionPtr> Parser::conditional() {
  int line = current().line;
  ExpressionPtr node = TRY(any_of());
  while (skip_name("if")) {
    ExpressionPtr condition = TRY(any_of());
    ExpressionPtr otherwise = skip_name("else") ? TRY(expression()) : nullptr;
    ExpressionPtr made = with_children(ExpressionKind::kConditional, line, std::move(condition),
                                       std::move(node));
    made->children.push_back(std::move(otherwise));
    node = TRY(finish(std::move(made)));
  }
  return node;
}

Result<ExpressionPtr> Parser::any_of() {
  ExpressionPtr node = TRY(all_of());
  while (current().is_name("or")) {
    int line = current().line;
    advance();
    ExpressionPtr right = TRY(all_of());
    node = TRY(finish(with_children(ExpressionKind::kOr, line, std::move(node), std::move(right))));
  }
  return node;
}

Result<ExpressionPtr> Parser::all_of() {
  ExpressionPtr node = TRY(negation());
  while (current().is_name("and")) {
    int line = current().line;
    advance();
    ExpressionPtr right = TRY(negation());
    node =
        TRY(finish(with_children(ExpressionKind::kAnd, line, std::move(node), std::move(right))));
  }
  return node;
}

Result<ExpressionPtr> Parser::negation() {
  int line = current().line;
  int count = 0;
  while (skip_name("not")) ++count;
  ExpressionPtr node = TRY(comparison());
  for (; count > 0; --count) {
    node = TRY(finish(with_children(ExpressionKind::kNot, line, std::move(node))));
  }
  return node;
}

Result<ExpressionPtr> Parser::comparison() {
  ExpressionPtr node = make_expression(ExpressionKind::kCompare, current().line);
  node->children.push_back(TRY(arithmetic(0)));
  while (true) {
    if (is_comparison(current()) || current().is_name("in")) {
      node->operators.push_back(current().text);
      advance();
    } else if (current().is_name("not") && look().is_name("in")) {
      node->operators.push_back("not in");
      advance();
      advance();
    } else {
      break;
    }
    node->children.push_back(TRY(arithmetic(0)));
  }
  if (node->operators.empty()) return std::move(node->children[0]);
  return finish(std::move(node));
}

// Levels: 0 is + and -, then comes ~, 1 is * / // %, 2 is **. All group from the left.
Result<ExpressionPtr> Parser::arithmetic(int level) {
  auto operand = [this, level] {
    return level == 0 ? concatenation() : level == 1 ? arithmetic(2) : unary(true);
  };
  ExpressionPtr node = TRY(operand());
  while (is_arithmetic(current(), level)) {
    Token token = current();
    advance();
    ExpressionPtr right = TRY(operand());
    node =
        with_children(ExpressionKind::kArithmetic, token.line, std::move(node), std::move(right));
    node->name = token.text;
    node = TRY(finish(std::move(node)));
  }
  return node;
}

Result<ExpressionPtr> Parser::concatenation() {
  ExpressionPtr node = make_expression(ExpressionKind::kConcat, current().line);
  node->children.push_back(TRY(arithmetic(1)));
  while (skip_operator("~")) node->children.push_back(TRY(arithmetic(1)));
  if (node->children.size() == 1) return std::move(node->children[0]);
  return finish(std::move(node));
}

Result<ExpressionPtr> Parser::unary(bool with_filter) {
  int line = current().line;
  ExpressionPtr node;
  bool minus = current().is_operator("-");
  if (minus || current().is_operator("+")) {
    if (++nesting_ > kNestingMax) return error(line, "too many signs before a value");
    advance();
    auto operand = unary(false);
    --nesting_;
    if (!operand.ok()) return operand;
    ExpressionKind kind = minus ? ExpressionKind::kNegative : ExpressionKind::kPositive;
    node = TRY(finish(with_children(kind, line, std::move(*operand))));
  } else {
    node = TRY(primary());
  }
  node = TRY(postfix(std::move(node)));
  return with_filter ? filters_and_tests(std::move(node)) : Result<ExpressionPtr>(std::move(node));
}

Result<ExpressionPtr> Parser::named_primary() {
  const Token& token = current();
  ExpressionPtr node = make_expression(ExpressionKind::kConstant, token.line);
  if (token.text == "true" || token.text == "True") {
    node->constant = Value(true);
  } else if (token.text == "false" || token.text == "False") {
    node->constant = Value(false);
  } else if (token.text != "none" && token.text != "None") {
    node->kind = ExpressionKind::kName;
    node->name = token.text;
    if (macro_ != nullptr) {
      macro_->takes_rest |= token.text == "varargs";
      macro_->takes_named |= token.text == "kwargs";
      macro_->takes_caller |= token.text == "caller";
    }
  }
  advance();
  return node;
}

Result<ExpressionPtr> Parser::number() {
  ExpressionPtr node = make_expression(ExpressionKind::kConstant, current().line);
  const std::string& text = current().text;
  if (current().is(TokenKind::kFloat)) {
    node->constant = Value(std::strtod(text.c_str(), nullptr));
  } else {
    bool prefixed = text.size() > 2 && text[0] == '0' && (text[1] < '0' || text[1] > '9');
    int base = !prefixed ? 10 : (text[1] | 32) == 'x' ? 16 : (text[1] | 32) == 'o' ? 8 : 2;
    int64_t value = 0;
    const char* end = text.data() + text.size();
    auto read = std::from_chars(text.data() + (prefixed ? 2 : 0), end, value, base);
    if (read.ec != std::errc() || read.ptr != end) {
      return error(current().line, "the number " + text + " does not fit into 64 bits");
    }
    node->constant = Value(value);
  }
  advance();
  return node;
}

Result<ExpressionPtr> Parser::primary() {
  const Token& token = current();
  if (token.is(TokenKind::kName)) return named_primary();
  if (token.is(TokenKind::kInteger) || token.is(TokenKind::kFloat)) return number();
  if (token.is(TokenKind::kString)) {
    ExpressionPtr node = make_expression(ExpressionKind::kConstant, token.line);
    std::string text;
    for (; current().is(TokenKind::kString); advance()) text += current().text;
    node->constant = Value(std::move(text));
    return node;
  }
  if (token.is_operator("(")) {
    advance();
    ExpressionPtr node = TRY(tuple(true, true));
    TRY(expect_operator(")"));
    return node;
  }
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  return unexpected("an expression");
}

Result<ExpressionPtr> Parser::list() {
  ExpressionPtr node = make_expression(ExpressionKind::kList, current().line);
  advance();
  while (!current().is_operator("]")) {
    node->children.push_back(TRY(expression()));
    if (!skip_operator(",")) break;
  }
  TRY(expect_operator("]"));
  return finish(std::move(node));
}

Result<ExpressionPtr> Parser::dict() {
  ExpressionPtr node = make_expression(ExpressionKind::kDict, current().line);
  advance();
  while (!current().is_operator("}")) {
    node->children.push_back(TRY(expression()));
    TRY(expect_operator(":"));
    node->children.push_back(TRY(expression()));
    if (!skip_operator(",")) break;
  }
  TRY(expect_operator("}"));
  return finish(std::move(node));
}

}  // namespace attune::text::jinja
