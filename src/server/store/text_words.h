// What a word is, for the text index and for questions to it alike, on both data bases: a run of
// letters, digits and marks, in Unicode's case folding and compatibility form, without the accents
// of Latin, Greek and Cyrillic ("Crème" is "creme", "ß" is "ss"). Characters of scripts written
// without blanks (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese) are a word each, so that any
// part of a sentence is found as a phrase. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace attune::store {

// Longer words are cut; PostgreSQL keeps 2046 bytes at most.
inline constexpr size_t kWordBytesMax = 255;

// The words of a text, in order.
std::vector<std::string> words_of(std::string_view text);
// The same, separated by blanks, at most about `bytes_max` bytes of them.
std::string folded_words(std::string_view text, size_t bytes_max);

// What of a record's field is text: a string; of a chat, the content of each turn; of a custom
// field, every string in it. A blank line between parts.
std::string text_of_field(const OrderedJson& value);

}  // namespace attune::store
