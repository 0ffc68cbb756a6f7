#include "text/split_patterns.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "text/regex.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

std::vector<Span> scanned(SplitPattern pattern, std::string_view text) {
  std::vector<Span> spans;
  for (size_t at = 0; at < text.size();) {
    size_t end = match_end(pattern, text, at);
    spans.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end)});
    at = end;
  }
  return spans;
}

// Text of characters that take different branches of the patterns.
rc::Gen<std::string> tricky_text() {
  static const std::vector<std::string> atoms = {
      " ", " ", "\n", "\r", "\t", "a", "Z", "é", "ſ", "s", "S", "'", "'", "re", "LL", "7", "3",
      "٣", "½", "!", ".", "(", "你", "م", "\u0301", "\u3000", "\u00a0", "\u0085", "😁", "_",
      "\u200d"};
  auto pick = rc::gen::inRange<size_t>(0, atoms.size());
  return rc::gen::map(rc::gen::container<std::vector<size_t>>(pick),
                      [](const std::vector<size_t>& picks) {
                        std::string text;
                        for (size_t atom : picks) text += atoms[atom];
                        return text;
                      });
}

class HandScan : public ::testing::TestWithParam<SplitPattern> {};

TEST_P(HandScan, CutsAsTheRegularExpressionDoes) {
  SplitPattern pattern = GetParam();
  Regex regex = Regex::compile(std::string(regex_of(pattern))).value();
  bool held = rc::check("hand scan equals the pattern", [&] {
    std::string text = *tricky_text();
    std::vector<Span> matches;
    regex.find_all(text, matches);
    RC_ASSERT(scanned(pattern, text) == matches);
  });
  EXPECT_TRUE(held);
  EXPECT_EQ(find_split_pattern(regex_of(pattern)), pattern);
}

INSTANTIATE_TEST_SUITE_P(Text, HandScan,
                         ::testing::Values(SplitPattern::kGpt2, SplitPattern::kLlama3,
                                           SplitPattern::kQwen2));

TEST(SplitPatterns, OtherExpressionsAreNotScannedByHand) {
  EXPECT_FALSE(find_split_pattern(R"(\p{L}+)").has_value());
}

TEST(Regex, SpellsOutClassesAsOniguruma) {
  auto matches = [](const char* pattern, std::string_view text) {
    std::vector<Span> found;
    Regex::compile(pattern).value().find_all(text, found);
    return found.size();
  };
  EXPECT_EQ(matches(R"(\s)", "a\u0085b\u180Ec"), 1U);  // U+180E is no White_Space
  EXPECT_EQ(matches(R"(\h+)", "xyz12ab \t"), 1U);      // hexadecimal digits
  EXPECT_EQ(matches(R"([^\s\d]+)", "ab 12 c"), 2U);
  EXPECT_EQ(matches(R"(\w)", "_-\u0301"), 2U);
  // Of numbers, decimal digits only; of the rest, what is alphabetic.
  EXPECT_EQ(matches(R"(\w)", "a\u0660\u2178\u24D0\u00B2\u200D"), 4U);
}

TEST(Regex, RefusesWhatItCannotRun) {
  EXPECT_EQ(Regex::compile("(").error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(Regex::compile("[a-z&&[^b]]").error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(Regex::compile(R"([\W_])").error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(Regex::compile(std::string(1 << 17, 'a')).error().code(), ErrorCode::kInvalidInput);
}

TEST(Regex, MatchesWhatNeedsMoreThanASmallStack) {
  std::vector<Span> found;
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "ab";
  Regex::compile("(?:a|b)+").value().find_all(text, found);
  EXPECT_EQ(found, (std::vector<Span>{{0, 100'000}}));
}

TEST(Regex, EndsOnPatternsThatBacktrackWithoutEnd) {
  std::vector<Span> found;
  Regex::compile("(a+)+$").value().find_all(std::string(60, 'a') + "b", found);
  EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace attune::text
