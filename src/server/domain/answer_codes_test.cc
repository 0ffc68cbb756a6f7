#include "server/domain/answer_codes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "server/domain/schema_fixture.h"

namespace attune::domain {
namespace {

Question of(const char* name) {
  const Schema schema = schema_of_everything();
  return *question_named(schema, name);
}

TEST(AnswerCodes, LabelsAreTheirPlaceAmongTheOptions) {
  AnswerCoder coder(of("kind"));
  EXPECT_EQ(coder.code("c")->category, 2);
  EXPECT_EQ(coder.code("a")->category, 0);
  EXPECT_FALSE(coder.code("gone"));
  EXPECT_EQ(coder.categories(), 3);
}

TEST(AnswerCodes, RatingsAreCodedFromLowToHigh) {
  AnswerCoder coder(question("r", true, R"({"type":"rating","options":[{"value":5},{"value":-1},)"
                                        R"({"value":3}]})"));
  EXPECT_EQ(coder.code(-1)->category, 0);
  EXPECT_EQ(coder.code(3)->category, 1);
  EXPECT_EQ(coder.code(5)->category, 2);
  EXPECT_EQ(coder.code(5)->number, 5);
  EXPECT_FALSE(coder.code(4));
}

TEST(AnswerCodes, SetsDoNotDependOnTheirOrder) {
  AnswerCoder coder(of("tags"));
  const auto one = coder.code(json(R"(["c","a"])"));
  EXPECT_EQ(one->labels, (feedback::LabelSet{0, 2}));
  EXPECT_EQ(coder.code(json(R"(["a","c"])"))->category, one->category);
  EXPECT_NE(coder.code(json(R"(["a"])"))->category, one->category);
  EXPECT_EQ(coder.categories(), 2);
  EXPECT_FALSE(coder.code(json(R"(["a","gone"])")));
}

TEST(AnswerCodes, RankingsKeepTiesAndGaps) {
  AnswerCoder coder(of("rank"));
  const auto tied = coder.code(
      json(R"([{"value":"b","rank":1},{"value":"a","rank":1},{"value":"c","rank":null}])"));
  ASSERT_EQ(tied->ranks.size(), 3u);
  EXPECT_EQ(tied->ranks[0], 1);
  EXPECT_EQ(tied->ranks[1], 1);
  EXPECT_TRUE(std::isnan(tied->ranks[2]));
  const auto whole = coder.code(
      json(R"([{"value":"b","rank":1},{"value":"a","rank":1},{"value":"c","rank":2}])"));
  EXPECT_NE(whole->category, tied->category);
}

TEST(AnswerCodes, FreeAnswersAreTheSameOrNot) {
  AnswerCoder coder(of("note"));
  EXPECT_EQ(coder.kind(), AnswerKind::kFree);
  EXPECT_EQ(coder.code("x")->category, coder.code("x")->category);
  EXPECT_NE(coder.code("x")->category, coder.code("y")->category);
}

TEST(AnswerCodes, AnOrderOfShowingNamesEveryOptionOnce) {
  const OptionCodes options(of("rank"));
  EXPECT_EQ(options.shown("rank", json(R"(["c","a","b"])")), (std::vector<int64_t>{2, 0, 1}));
  EXPECT_EQ(options.shown("rank", json(R"({"rank":["b","a","c"],"kind":["a"]})")),
            (std::vector<int64_t>{1, 0, 2}));
  for (const char* wrong : {R"(["c","a"])", R"(["c","a","a"])", R"(["c","a","gone"])", "null",
                            R"({"kind":["a","b","c"]})"}) {
    EXPECT_TRUE(options.shown("rank", json(wrong)).empty()) << wrong;
  }
}

TEST(AnswerCodes, TheValueOfAQuestionAmongOthers) {
  const OrderedJson values = json(R"({"kind":{"value":"a"},"note":{},"stars":{"value":null}})");
  ASSERT_NE(value_of(values, "kind"), nullptr);
  EXPECT_EQ(*value_of(values, "kind"), "a");
  EXPECT_TRUE(value_of(values, "stars")->is_null());
  EXPECT_EQ(value_of(values, "note"), nullptr);
  EXPECT_EQ(value_of(values, "rank"), nullptr);
  EXPECT_EQ(value_of(json("null"), "kind"), nullptr);
}

}  // namespace
}  // namespace attune::domain
