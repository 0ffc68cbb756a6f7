#include "text/rouge.h"

#include <gtest/gtest.h>

namespace attune::text {
namespace {

using Words = std::vector<std::string>;

TEST(Rouge, WordsAreLowerCasedRunsOfLettersAndDigits) {
  EXPECT_EQ(rouge_words("Don't  PANIC: 42 times!"), (Words{"don", "t", "panic", "42", "times"}));
  EXPECT_EQ(rouge_words("Ünïcode, ΑΒΓ"), (Words{"ünïcode", "αβγ"}));
  EXPECT_EQ(rouge_words("a\xFF" "b"), (Words{"a", "b"}));
  EXPECT_TRUE(rouge_words(" ... ").empty());
}

// Lin 2004, section 3.1: S1 the reference, S2 and S3 with a subsequence of 3 and 2 words of 4.
TEST(Rouge, ExampleOfThePaper) {
  const char* reference = "police killed the gunman";
  EXPECT_DOUBLE_EQ(rouge_l(reference, "police kill the gunman").f1, 0.75);
  EXPECT_DOUBLE_EQ(rouge_l(reference, "the gunman kill police").f1, 0.5);
}

// rouge_score 0.1.2, RougeScorer(["rougeL"], use_stemmer=False): score(reference, text).
TEST(Rouge, ValuesOfTheRougeScorePackage) {
  const RougeScore first = rouge_l("The quick brown fox jumps over the lazy dog",
                                   "The quick brown dog jumps on the log.");
  EXPECT_DOUBLE_EQ(first.precision, 5.0 / 8);
  EXPECT_DOUBLE_EQ(first.recall, 5.0 / 9);
  EXPECT_NEAR(first.f1, 0.5882352941176471, 1e-15);
  const RougeScore none = rouge_l("abc", "");
  EXPECT_EQ(none.f1, 0);
  EXPECT_EQ(rouge_l("abc", "xyz").f1, 0);
}

TEST(Rouge, SubsequenceIsSymmetricAndBounded) {
  const Words a = {"a", "b", "c", "b", "d", "a", "b"};
  const Words b = {"b", "d", "c", "a", "b", "a"};
  EXPECT_EQ(longest_common_subsequence(a, b), 4);
  EXPECT_EQ(longest_common_subsequence(b, a), 4);
  EXPECT_EQ(longest_common_subsequence(a, a), 7);
}

}  // namespace
}  // namespace attune::text
