// Splits a template into tokens the way Jinja does with trim_blocks and lstrip_blocks on: a block
// tag takes the newline after it and the blanks before it on its line; `-` takes all white space,
// `+` keeps it; one newline at the end of the template goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::text::jinja {

enum class TokenKind {
  kText, kPrintBegin, kPrintEnd, kBlockBegin, kBlockEnd, kName, kString, kInteger, kFloat,
  kOperator, kEnd
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // strings: unescaped; numbers: without underscores
  int line = 1;

  bool is(TokenKind k) const { return kind == k; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
  bool is_operator(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
};

// The last token is kEnd. Errors (kInvalidInput) name the line.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace attune::text::jinja
