// Regular expressions of tokenizer files, run by PCRE2 (UTF-8, Unicode properties, match limits).
// Written for Oniguruma, they are adapted where the two differ: \s, \S, \w, \W, \h and \H are spelt
// out. A Regex is immutable and thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pieces.h"

namespace attune::text {

class Regex {
 public:
  // kInvalidInput names the pattern, the place and what is wrong with it.
  static Result<Regex> compile(const std::string& pattern);

  const std::string& pattern() const { return pattern_; }

  // Appends all matches that are not empty, left to right. Where a match would cost more than the
  // limit (10 million steps), the search ends: the rest counts as unmatched.
  void find_all(std::string_view text, std::vector<Span>& out) const;

 private:
  Regex(std::string pattern, std::shared_ptr<const void> code)
      : pattern_(std::move(pattern)), code_(std::move(code)) {}

  std::string pattern_;
  std::shared_ptr<const void> code_;  // pcre2_code
};

}  // namespace attune::text
