// The question of a full-text search as people write it, as a tree. The language is that of
// Elasticsearch's "simple query string", with AND between words:
//
//   a b, a + b     both             -a        not a
//   a | b          either           a*        words that begin with a
//   "a b"          the phrase       "a b"~3   its words in any order, at most 3 others between
//   ( )            groups           a~1       words one letter away (~2: two, at most)
//   \              the next character means itself
//
// Operators are taken from left to right: a | b c is (a | b) AND c. What is no operator where it
// stands is text: nothing that a person can write is an error. A word that is cut in several
// (e-mail, Chinese text) is a phrase. What holds no word at all finds nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::store {

struct TextNode {
  enum class Kind {
    kPhrase,  // words one behind the other
    kPrefix,  // the same, the last one the beginning of a word
    kNear,    // two words or more, at most `distance` others between the first and the last
    kFuzzy,   // one word and those at most `distance` edits away
    kAnd,     // of two or more children, as kOr
    kOr,
    kNot,     // of one child
  };
  Kind kind = Kind::kPhrase;
  std::vector<std::string> words;  // folded (text_words.h); not empty in a leaf
  int distance = 0;
  std::vector<TextNode> children;
};

inline constexpr size_t kQueryWordsMax = 200;  // more are left out
inline constexpr int kQueryDepthMax = 12;      // parts that would make the tree deeper are, too
inline constexpr int kNearMax = 50;
inline constexpr int kEditsMax = 2;

// Nothing where the text holds no word.
std::optional<TextNode> parse_text_query(std::string_view text);

}  // namespace attune::store
