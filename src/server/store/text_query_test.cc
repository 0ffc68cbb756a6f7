#include "server/store/text_query.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/store/text_match.h"
#include "server/store/text_words.h"

namespace attune::store {
namespace {

using Kind = TextNode::Kind;

std::string shown(const TextNode& node) {
  std::string words;
  for (const std::string& word : node.words) words += (words.empty() ? "" : " ") + word;
  std::string inside;
  for (const TextNode& child : node.children) {
    inside += (inside.empty() ? "" : node.kind == Kind::kOr ? " | " : " ") + shown(child);
  }
  switch (node.kind) {
    case Kind::kPhrase: return node.words.size() == 1 ? words : '"' + words + '"';
    case Kind::kPrefix: return words + "*";
    case Kind::kNear: return '"' + words + "\"~" + std::to_string(node.distance);
    case Kind::kFuzzy: return words + "~" + std::to_string(node.distance);
    case Kind::kNot: return "-" + inside;
    default: return "(" + inside + ")";
  }
}

int depth_of(const TextNode& node) {
  int deepest = 0;
  for (const TextNode& child : node.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

std::string parsed(std::string_view text) {
  const auto tree = parse_text_query(text);
  return tree ? shown(*tree) : "nothing";
}

TEST(TextWords, AreFoldedAlike) {
  EXPECT_EQ(folded_words("The Crème BRÛLÉE, straße! 2nd x_y", 1000),
            "the creme brulee strasse 2nd x y");
  EXPECT_EQ(folded_words("\xEF\xBC\xA1\xEF\xBC\xA2 \xEF\xAC\x81ne \xCE\xA3\xCE\xAF\xCF\x83", 1000),
            "ab fine \xCF\x83\xCE\xB9\xCF\x83");
  EXPECT_EQ(folded_words("调整模型ok吗", 1000), "调 整 模 型 ok 吗");
  // Vowel signs belong to their word, accents of alphabets go.
  EXPECT_EQ(words_of("हिन्दी भाषा").size(), 2U);
  EXPECT_EQ(folded_words("e\xCC\x81t\xC3\xA9", 1000), "ete");
  EXPECT_EQ(folded_words("a\xFF\xC3 b\xE2\x82", 1000), "a b");
  EXPECT_EQ(folded_words("... -- !", 1000), "");
  EXPECT_EQ(words_of(std::string(5000, 'x'))[0].size(), kWordBytesMax);
  EXPECT_LE(folded_words(std::string(5000, 'x') + " y", 100).size(), 100U + kWordBytesMax);
}

TEST(TextWords, OfFieldsAreThoseThatPeopleRead) {
  EXPECT_EQ(text_of_field("plain"), "plain");
  EXPECT_EQ(words_of(text_of_field(OrderedJson::parse(
                R"([{"role":"user","content":"Hello"},{"role":"assistant","content":"World"}])"))),
            (std::vector<std::string>{"hello", "world"}));
  EXPECT_EQ(words_of(text_of_field(OrderedJson::parse(R"({"a":"one","b":{"c":["two",3]}})"))),
            (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(text_of_field(nullptr), "");
}

TEST(TextQuery, IsReadFromLeftToRight) {
  EXPECT_EQ(parsed("Hello"), "hello");
  EXPECT_EQ(parsed("a b  c"), "(a b c)");
  EXPECT_EQ(parsed("a + b"), "(a b)");
  EXPECT_EQ(parsed("a | b"), "(a | b)");
  EXPECT_EQ(parsed("a | b c"), "((a | b) c)");
  EXPECT_EQ(parsed("a (b | c)"), "(a (b | c))");
  EXPECT_EQ(parsed("-a b"), "(-a b)");
  EXPECT_EQ(parsed("a -(b c)"), "(a -(b c))");
  EXPECT_EQ(parsed("\"a b\" c"), "(\"a b\" c)");
  EXPECT_EQ(parsed("\"a b\"~2"), "\"a b\"~2");
  EXPECT_EQ(parsed("\"a b\"~0"), "\"a b\"");
  EXPECT_EQ(parsed("\"a b\"~99999999999"), "\"a b\"~50");
  EXPECT_EQ(parsed("mod* tune~1 x~ y~9 z~0"), "(mod* tune~1 x~2 y~2 z)");
  EXPECT_EQ(parsed("e-mail"), "\"e mail\"");
  EXPECT_EQ(parsed("模型"), "\"模 型\"");
  EXPECT_EQ(parsed("state-of-th*"), "state of th*");
}

TEST(TextQuery, OddInputIsText) {
  EXPECT_EQ(parsed(""), "nothing");
  EXPECT_EQ(parsed("  \t\n"), "nothing");
  EXPECT_EQ(parsed("+|-*~()\"\""), "nothing");
  EXPECT_EQ(parsed("!!! a ???"), "a");
  EXPECT_EQ(parsed("a - b"), "(a b)");
  EXPECT_EQ(parsed("a |"), "a");
  EXPECT_EQ(parsed("| a"), "a");
  EXPECT_EQ(parsed("\"open quote"), "\"open quote\"");
  EXPECT_EQ(parsed("((a"), "a");
  EXPECT_EQ(parsed("a) b"), "(a b)");
  EXPECT_EQ(parsed("a\\"), "a");
  EXPECT_EQ(parsed("\\-a \\\"b"), "(a b)");
  EXPECT_EQ(parsed("f0:a AND NOT NEAR"), "(\"f0 a\" and not near)");
  EXPECT_EQ(parsed(std::string(100'000, '(') + "a"), "a");
  EXPECT_EQ(parsed(std::string(100'000, '-') + "a"), "a");
}

TEST(TextQuery, HasBounds) {
  std::string many, deep = "x";
  for (int i = 0; i < 5000; ++i) many += " w" + std::to_string(i);
  EXPECT_EQ(parse_text_query(many)->children.size(), kQueryWordsMax);
  for (int i = 0; i < 500; ++i) deep += (i % 2 == 0 ? " | y" : " + z") + std::to_string(i);
  EXPECT_EQ(depth_of(*parse_text_query(deep)), kQueryDepthMax);
}

TEST(EditDistance, CountsWholeCharacters) {
  EXPECT_EQ(edit_distance("tune", "tune", 2), 0);
  EXPECT_EQ(edit_distance("tune", "tunes", 2), 1);
  EXPECT_EQ(edit_distance("tune", "tuen", 2), 1);
  EXPECT_EQ(edit_distance("größe", "grösse", 2), 2);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3);
  EXPECT_EQ(edit_distance("a", "abcdef", 2), 3);
  EXPECT_EQ(edit_distance("模型", "模式", 2), 1);
}

}  // namespace
}  // namespace attune::store
