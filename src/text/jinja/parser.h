// Builds the tree of a template from its tokens: the statements and expressions of Jinja2 3.1 with
// the loop controls and the `generation` block that chat templates use. Not in: template
// inheritance, import, include and autoescape, which a single template text cannot use anyway.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace attune::text::jinja {

struct ParsedTemplate {
  Body body;
  bool has_generation = false;  // a {% generation %} block is in it
};

// Errors (kInvalidInput) name the template's line.
Result<ParsedTemplate> parse_template(std::string_view source);

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<ParsedTemplate> run();

 private:
  using Names = std::initializer_list<std::string_view>;
  using StatementPtr = std::unique_ptr<Statement>;

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  void advance() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  Status expect_operator(std::string_view op);
  Status expect_name(std::string_view name);
  Status expect(TokenKind kind, std::string_view what);
  Result<std::string> any_name();
  Error error(int line, const std::string& text) const;
  Error unexpected(std::string_view wanted) const;

  // parser_statement.cc
  Result<Body> body_until(Names ends);  // stops at the end's name; with no ends, at the end of text
  Result<Body> block(Names ends);       // the rest of the opening tag, then body_until
  Result<Body> closed_block(Names ends);  // and the end's name is skipped
  Result<StatementPtr> statement();
  Result<StatementPtr> statement_for(const std::string& word, StatementPtr made);
  Result<StatementPtr> print(StatementPtr made);
  Result<StatementPtr> if_statement(StatementPtr made);
  Result<StatementPtr> for_statement(StatementPtr made);
  Result<StatementPtr> set_statement(StatementPtr made);
  Result<StatementPtr> macro(StatementPtr made);
  Result<StatementPtr> call_block(StatementPtr made);
  Result<StatementPtr> with(StatementPtr made);
  Status macro_body(Statement& made, std::string_view end);
  Status parameters(Statement& made);
  Result<Target> target(bool with_attribute);
  Result<Target> single_target(bool with_attribute);

  // parser_expression.cc
  Result<ExpressionPtr> expression(bool with_conditional = true);
  Result<ExpressionPtr> tuple(bool with_conditional, bool in_parentheses, Names ends = {});
  Result<ExpressionPtr> conditional();
  Result<ExpressionPtr> any_of();
  Result<ExpressionPtr> all_of();
  Result<ExpressionPtr> negation();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> arithmetic(int level);
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> unary(bool with_filter);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> named_primary();
  Result<ExpressionPtr> number();
  Result<ExpressionPtr> list();
  Result<ExpressionPtr> dict();
  Result<ExpressionPtr> postfix(ExpressionPtr node);
  Result<ExpressionPtr> filters_and_tests(ExpressionPtr node);
  Result<ExpressionPtr> attribute(ExpressionPtr node);
  Result<ExpressionPtr> subscript(ExpressionPtr node);
  Result<ExpressionPtr> slice(ExpressionPtr node, ExpressionPtr start, int line);
  Result<ExpressionPtr> call(ExpressionPtr node);
  Result<ExpressionPtr> filter(ExpressionPtr node);
  Result<ExpressionPtr> test(ExpressionPtr node);
  Status test_arguments(Expression& made);
  Result<std::unique_ptr<Arguments>> arguments();
  Status argument(Arguments& made);
  Result<std::string> dotted_name();
  bool tuple_ends(Names ends) const;
  // Fills in the depth and refuses what is too deep to evaluate.
  Result<ExpressionPtr> finish(ExpressionPtr node) const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  // for statements around the current place, in this macro
  bool has_generation_ = false;
  Statement* macro_ = nullptr;  // innermost macro being parsed
};

ExpressionPtr make_expression(ExpressionKind kind, int line);

}  // namespace attune::text::jinja
