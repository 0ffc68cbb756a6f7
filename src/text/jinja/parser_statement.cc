#include <algorithm>

#include "text/jinja/parser.h"

namespace attune::text::jinja {

Result<ParsedTemplate> parse_template(std::string_view source) {
  return Parser(TRY(tokenize(source))).run();
}

Result<ParsedTemplate> Parser::run() {
  ParsedTemplate made;
  made.body = TRY(body_until({}));
  made.has_generation = has_generation_;
  return made;
}

bool Parser::skip_operator(std::string_view op) {
  if (!current().is_operator(op)) return false;
  advance();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  advance();
  return true;
}

Status Parser::expect_operator(std::string_view op) {
  if (skip_operator(op)) return {};
  return unexpected(fmt::format("'{}'", op));
}

Status Parser::expect_name(std::string_view name) {
  if (skip_name(name)) return {};
  return unexpected(fmt::format("'{}'", name));
}

Status Parser::expect(TokenKind kind, std::string_view what) {
  if (!current().is(kind)) return unexpected(what);
  advance();
  return {};
}

Result<std::string> Parser::any_name() {
  if (!current().is(TokenKind::kName)) return unexpected("a name");
  std::string name = current().text;
  advance();
  return name;
}

Error Parser::error(int line, const std::string& text) const {
  return invalid_input("template line {}: {}", line, text);
}

Error Parser::unexpected(std::string_view wanted) const {
  std::string found = fmt::format("'{}'", current().text);
  if (current().is(TokenKind::kEnd)) found = "the end of the template";
  if (current().is(TokenKind::kPrintEnd)) found = "'}}'";
  if (current().is(TokenKind::kBlockEnd)) found = "'%}'";
  return error(current().line, fmt::format("expected {}, found {}", wanted, found));
}

Result<Body> Parser::body_until(Names ends) {
  Body body;
  while (!current().is(TokenKind::kEnd)) {
    auto made = std::make_unique<Statement>();
    made->line = current().line;
    if (current().is(TokenKind::kText)) {
      made->text = current().text;
      advance();
    } else if (current().is(TokenKind::kPrintBegin)) {
      advance();
      made->kind = StatementKind::kPrint;
      made->expression = TRY(tuple(true, false));
      TRY(expect(TokenKind::kPrintEnd, "'}}'"));
    } else {
      advance();
      for (std::string_view end : ends) {
        if (current().is_name(end)) return body;
      }
      made = TRY(statement());
      TRY(expect(TokenKind::kBlockEnd, "'%}'"));
    }
    body.push_back(std::move(made));
  }
  if (ends.size() == 0) return body;
  return error(current().line,
               fmt::format("the template ends before {{% {} %}}", *(ends.end() - 1)));
}

Result<Body> Parser::block(Names ends) {
  skip_operator(":");
  TRY(expect(TokenKind::kBlockEnd, "'%}'"));
  return body_until(ends);
}

Result<Body> Parser::closed_block(Names ends) {
  Body body = TRY(block(ends));
  advance();
  return body;
}

Result<Parser::StatementPtr> Parser::statement() {
  if (!current().is(TokenKind::kName)) return unexpected("the name of a tag");
  if (nesting_ >= kNestingMax) {
    return error(current().line, fmt::format("more than {} levels of nesting", kNestingMax));
  }
  auto made = std::make_unique<Statement>();
  made->line = current().line;
  std::string word = current().text;
  advance();
  ++nesting_;
  auto result = statement_for(word, std::move(made));
  --nesting_;
  return result;
}

Result<Parser::StatementPtr> Parser::statement_for(const std::string& word, StatementPtr made) {
  int line = made->line;
  if (word == "if") return if_statement(std::move(made));
  if (word == "for") return for_statement(std::move(made));
  if (word == "set") return set_statement(std::move(made));
  if (word == "macro") return macro(std::move(made));
  if (word == "call") return call_block(std::move(made));
  if (word == "with") return with(std::move(made));
  if (word == "print") return print(std::move(made));
  if (word == "break" || word == "continue") {
    if (loops_ == 0) return error(line, "{% " + word + " %} stands outside of a loop");
    made->kind = word == "break" ? StatementKind::kBreak : StatementKind::kContinue;
    return made;
  }
  if (word == "generation") {
    has_generation_ = true;
    made->kind = StatementKind::kGeneration;
    int loops = std::exchange(loops_, 0);
    made->body = TRY(closed_block({"endgeneration"}));
    loops_ = loops;
    return made;
  }
  if (word == "filter") {
    made->kind = StatementKind::kFilter;
    // A filter block starts with the filter's name: put back the bar that joins further ones.
    ExpressionPtr node = make_expression(ExpressionKind::kFilter, line);
    node->children.push_back(nullptr);
    node->name = TRY(dotted_name());
    if (current().is_operator("(")) node->arguments = TRY(arguments());
    node = TRY(finish(std::move(node)));
    while (current().is_operator("|")) node = TRY(filter(std::move(node)));
    made->expression = std::move(node);
    made->body = TRY(closed_block({"endfilter"}));
    return made;
  }
  for (std::string_view other : {"block", "extends", "include", "import", "from", "autoescape"}) {
    if (word == other) {
      return error(line, "{% " + word + " %} needs more than one template and is not supported in "
                   "chat templates");
    }
  }
  return error(line, "{% " + word + " %} is no known tag or closes a block that is not open here");
}

Result<Parser::StatementPtr> Parser::print(StatementPtr made) {
  made->kind = StatementKind::kPrint;
  made->expression = make_expression(ExpressionKind::kConcat, made->line);
  while (!current().is(TokenKind::kBlockEnd)) {
    made->expression->children.push_back(TRY(expression()));
    if (!skip_operator(",")) break;
  }
  made->expression = TRY(finish(std::move(made->expression)));
  return made;
}

Result<Parser::StatementPtr> Parser::if_statement(StatementPtr made) {
  made->kind = StatementKind::kIf;
  while (true) {
    Branch branch;
    branch.condition = TRY(tuple(false, false));
    branch.body = TRY(block({"elif", "else", "endif"}));
    made->branches.push_back(std::move(branch));
    if (skip_name("elif")) continue;
    if (skip_name("else")) {
      Branch otherwise;
      otherwise.body = TRY(closed_block({"endif"}));
      made->branches.push_back(std::move(otherwise));
    } else {
      advance();
    }
    return made;
  }
}

Result<Parser::StatementPtr> Parser::for_statement(StatementPtr made) {
  made->kind = StatementKind::kFor;
  ++loops_;
  made->target = TRY(target(false));
  --loops_;
  TRY(expect_name("in"));
  made->expression = TRY(tuple(false, false, {"recursive"}));
  if (skip_name("if")) made->condition = TRY(expression());
  made->recursive = skip_name("recursive");
  ++loops_;
  made->body = TRY(block({"else", "endfor"}));
  --loops_;
  if (skip_name("else")) {
    made->otherwise = TRY(closed_block({"endfor"}));
  } else {
    advance();
  }
  return made;
}

Result<Parser::StatementPtr> Parser::set_statement(StatementPtr made) {
  made->target = TRY(target(true));
  if (skip_operator("=")) {
    made->kind = StatementKind::kSet;
    made->expression = TRY(tuple(true, false));
    return made;
  }
  made->kind = StatementKind::kSetBlock;
  while (current().is_operator("|")) {
    made->expression = TRY(filter(std::move(made->expression)));
  }
  made->body = TRY(closed_block({"endset"}));
  return made;
}

Result<Target> Parser::single_target(bool with_attribute) {
  Target made;
  made.line = current().line;
  if (skip_operator("(")) {
    if (nesting_ >= kNestingMax) return error(made.line, "too many parentheses");
    ++nesting_;
    made = TRY(target(with_attribute));
    --nesting_;
    TRY(expect_operator(")"));
    return made;
  }
  made.name = TRY(any_name());
  for (std::string_view word : {"true", "false", "none", "True", "False", "None"}) {
    if (made.name == word) return error(made.line, "nothing can be assigned to " + made.name);
  }
  if (made.name == "loop" && loops_ > 0) {
    return error(made.line, "nothing can be assigned to loop inside of a for statement");
  }
  if (with_attribute && skip_operator(".")) made.attribute = TRY(any_name());
  return made;
}

Result<Target> Parser::target(bool with_attribute) {
  Target first = TRY(single_target(with_attribute));
  if (!current().is_operator(",")) return first;
  Target made;
  made.line = first.line;
  made.is_tuple = true;
  made.parts.push_back(std::move(first));
  while (skip_operator(",")) {
    if (current().is_operator("=") || current().is_name("in") || tuple_ends({})) break;
    made.parts.push_back(TRY(single_target(with_attribute)));
  }
  return made;
}

Status Parser::parameters(Statement& made) {
  TRY(expect_operator("("));
  while (!current().is_operator(")")) {
    Parameter parameter;
    parameter.name = TRY(any_name());
    if (skip_operator("=")) {
      parameter.fallback = TRY(expression());
    } else if (!made.parameters.empty() && made.parameters.back().fallback) {
      return error(current().line, "a parameter without a default follows one with a default");
    }
    made.parameters.push_back(std::move(parameter));
    if (!skip_operator(",")) break;
  }
  return expect_operator(")");
}

Status Parser::macro_body(Statement& made, std::string_view end) {
  Statement* outer = std::exchange(macro_, &made);
  int loops = std::exchange(loops_, 0);
  made.body = TRY(closed_block({end}));
  loops_ = loops;
  macro_ = outer;
  return {};
}

Result<Parser::StatementPtr> Parser::macro(StatementPtr made) {
  made->kind = StatementKind::kMacro;
  made->text = TRY(any_name());
  TRY(parameters(*made));
  TRY(macro_body(*made, "endmacro"));
  return made;
}

Result<Parser::StatementPtr> Parser::call_block(StatementPtr made) {
  made->kind = StatementKind::kCall;
  if (current().is_operator("(")) TRY(parameters(*made));
  made->expression = TRY(expression());
  if (made->expression->kind != ExpressionKind::kCall) {
    return error(made->line, "{% call %} needs the call of a macro");
  }
  TRY(macro_body(*made, "endcall"));
  return made;
}

Result<Parser::StatementPtr> Parser::with(StatementPtr made) {
  made->kind = StatementKind::kWith;
  while (!current().is(TokenKind::kBlockEnd)) {
    Target name = TRY(target(false));
    TRY(expect_operator("="));
    made->assignments.emplace_back(std::move(name), TRY(expression()));
    if (!skip_operator(",")) break;
  }
  made->body = TRY(closed_block({"endwith"}));
  return made;
}

}  // namespace attune::text::jinja
