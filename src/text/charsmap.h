// SentencePiece's precompiled character map: a double-array trie from byte strings to replacements.
// Layout: u32 size of the trie, the trie's u32 units (little-endian), NUL-terminated replacements.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"

namespace attune::text {

class Charsmap {
 public:
  // kInvalidInput when the sizes do not fit. Indices within are checked at each look-up, so that a
  // damaged table gives wrong text, never a wrong read.
  static Result<Charsmap> parse(std::string_view bytes);

  struct Match {
    uint32_t length;  // bytes of the text
    std::string_view replacement;
  };
  std::optional<Match> longest(std::string_view text) const;
  std::optional<Match> shortest(std::string_view text) const;
  double growth() const { return growth_; }  // the longest replacement, for one byte

 private:
  std::optional<Match> search(std::string_view text, bool stop_at_first) const;
  std::vector<uint32_t> units_;
  std::string replacements_;
  double growth_ = 1;
};

// The "Precompiled" normaliser of tokenizer.json: graphemes of at most 5 bytes are looked up whole,
// others character by character; the shortest match replaces the whole.
class PrecompiledStep : public Normalizer {
 public:
  explicit PrecompiledStep(Charsmap map) : map_(std::move(map)) {}
  void apply(AlignedText& text) const override;
  double growth() const override { return map_.growth(); }

 private:
  Charsmap map_;
};

// SentencePiece's own normalisation: longest matches of the map, spaces collapsed, a space put
// before the text, and spaces written as U+2581. Symbols (user-defined pieces) are copied as they
// are.
struct SentencePieceSpaces {
  bool add_prefix = true;
  bool prefix_every_part = false;  // else only at the start of the whole text
  bool remove_extra = true;        // at both ends, and all but one between words
  bool escape = true;
};
class SentencePieceStep : public Normalizer {
 public:
  SentencePieceStep(std::optional<Charsmap> map, SentencePieceSpaces spaces,
                    AddedTokenMatcher symbols)
      : map_(std::move(map)), spaces_(spaces), symbols_(std::move(symbols)) {}
  void apply(AlignedText& text) const override;
  double growth() const override { return (map_ ? map_->growth() : 1) * 3; }  // U+2581: 3 bytes

 private:
  Charsmap::Match next(std::string_view text, uint32_t at) const;
  std::optional<Charsmap> map_;
  SentencePieceSpaces spaces_;
  AddedTokenMatcher symbols_;
};

std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

}  // namespace attune::text
