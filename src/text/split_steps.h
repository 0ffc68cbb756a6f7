// The pre-tokenizers that only cut (pre_tokenizer.cc builds them), and the ways of cutting.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "text/pre_tokenizer.h"
#include "text/regex.h"
#include "text/split_patterns.h"

namespace attune::text {

// What becomes of a delimiter.
enum class Delimiter { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Cuts every piece: `find` appends the delimiters of a piece (spans within it, in order).
void cut_pieces(PieceList& list, Delimiter behavior, bool invert,
                const std::function<void(std::string_view, std::vector<Span>&)>& find);

// Cuts every piece at all matches of a pattern that matches everywhere.
void cut_pieces(PieceList& list, SplitPattern pattern);

// Delimiters are matches of a regular expression, a literal string, or a hand-scanned pattern.
class SplitStep : public PreTokenizer {
 public:
  using Pattern = std::variant<std::string, Regex, SplitPattern>;
  SplitStep(Pattern pattern, Delimiter behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(PieceList& list) const override;

 private:
  Pattern pattern_;
  Delimiter behavior_;
  bool invert_;
};

// Delimiters are single characters of some classes (CharClass bits), or one given character.
class ClassStep : public PreTokenizer {
 public:
  ClassStep(uint8_t classes, Delimiter behavior) : classes_(classes), behavior_(behavior) {}
  void apply(PieceList& list) const override;

 private:
  uint8_t classes_;
  Delimiter behavior_;
};

// \w+|[^\w\s]+ , spaces removed.
class WhitespaceStep : public PreTokenizer {
 public:
  void apply(PieceList& list) const override;
};

}  // namespace attune::text
