// Added and special tokens: strings that become one id wherever they stand, before the
// pre-tokenizer and the model see the text. Immutable once built; then thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/pieces.h"

namespace attune::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // only between characters that are no part of a word
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space after it along
  bool normalized = false;   // matches the normalised text, not the raw one
  bool special = false;      // skipped by decode, and by encode if asked to
  std::string shown;         // what decode gives: the content, normalised if it matches so
};

// The "added_tokens" section. Errors name the entry.
Result<std::vector<AddedToken>> parse_added_tokens(const Json& tokenizer_json);
Json to_json(const std::vector<AddedToken>& tokens);

// Finds tokens in text, leftmost first, the longest of those that start at one place.
class AddedTokenMatcher {
 public:
  // `pattern` is what to look for: the token's content, or its normalised form.
  void add(const AddedToken& token, std::string_view pattern);
  bool empty() const { return tokens_.empty(); }

  struct Part {
    Span span;
    std::optional<int32_t> id;  // of an added token; else text between such
  };
  // Cuts the text into tokens and what lies between them. With `special` false, special tokens
  // count as text.
  void split(std::string_view text, bool special, std::vector<Part>& out) const;
  // Bytes of the longest pattern that stands at text[at]; 0 when none does.
  uint32_t match_length(std::string_view text, uint32_t at) const {
    if (!starts_[static_cast<uint8_t>(text[at])]) return 0;
    auto match = longest_at(text, at);
    return match ? match->end - at : 0;
  }

 private:
  struct Node {
    int32_t child = -1;    // first child
    int32_t sibling = -1;  // next child of the same parent
    int32_t token = -1;    // index in tokens_ of the pattern that ends here
    uint8_t byte = 0;
  };
  struct Match {
    int32_t token;
    uint32_t end;
  };
  std::optional<Match> longest_at(std::string_view text, uint32_t at) const;
  int32_t child(int32_t node, uint8_t byte) const;

  std::vector<Node> nodes_{Node{}};
  std::vector<AddedToken> tokens_;
  std::array<bool, 256> starts_{};
};

}  // namespace attune::text
