#include "text/rouge.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/unicode.h"

namespace attune::text {

std::vector<std::string> rouge_words(std::string_view text) {
  const std::string valid = replace_invalid(text);
  const uint8_t* classes = char_classes();
  std::vector<std::string> words;
  bool inside = false;
  for (size_t at = 0; at < valid.size();) {
    const DecodedChar character = decode_char(valid, at);
    at += character.length;
    if ((classes[character.code_point] & (kLetter | kNumber | kMark)) == 0) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(character.code_point));
    append_utf8(words.back(), static_cast<uint32_t>(lower));
  }
  return words;
}

int64_t longest_common_subsequence(const std::vector<std::string>& a,
                                   const std::vector<std::string>& b) {
  std::vector<int64_t> row(b.size() + 1, 0);  // row[j]: of the words of a so far and b[0, j)
  for (const std::string& word : a) {
    int64_t diagonal = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

RougeScore rouge_l(std::string_view reference, std::string_view text) {
  const std::vector<std::string> expected = rouge_words(reference);
  const std::vector<std::string> given = rouge_words(text);
  RougeScore score;
  if (expected.empty() || given.empty()) return score;
  const auto common = static_cast<double>(longest_common_subsequence(expected, given));
  score.precision = common / static_cast<double>(given.size());
  score.recall = common / static_cast<double>(expected.size());
  if (common > 0) {
    score.f1 = 2 * score.precision * score.recall / (score.precision + score.recall);
  }
  return score;
}

}  // namespace attune::text
