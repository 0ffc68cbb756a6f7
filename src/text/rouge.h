// ROUGE-L: how much of a reference text another text holds in the same order, by their longest
// common subsequence of words (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries",
// section 3). Values equal those of the rouge_score package 0.1.2 without stemming for ASCII text:
// lower-cased runs of letters and digits are words. That package drops every other letter; here
// letters of all scripts count.
//
// Pure functions; thread-safe. Texts that are no UTF-8: broken bytes separate words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::text {

struct RougeScore {
  double precision = 0;  // in [0, 1]; all are 0 when one text has no words
  double recall = 0;
  double f1 = 0;
};

RougeScore rouge_l(std::string_view reference, std::string_view text);

// The words that are compared.
std::vector<std::string> rouge_words(std::string_view text);

// Length of the longest common subsequence; time |a| x |b|, memory |b|.
int64_t longest_common_subsequence(const std::vector<std::string>& a,
                                   const std::vector<std::string>& b);

}  // namespace attune::text
