#include "data/hindsight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/test_paths.h"

namespace attune::data {
namespace {

HindsightTemplates shipped(const std::string& name) {
  return read_hindsight_templates(testing::source_path("examples/hindsight/" + name + ".json"))
      .value();
}

std::vector<ChainLink> chain_of(const std::vector<std::optional<int>>& ranks, ChainForm form,
                                const HindsightTemplates& templates, uint64_t seed = 1) {
  Random random(seed);
  return make_chain(ranks, templates, {.form = form, .draw_phrase = false}, random).value();
}

std::vector<size_t> order_of(const std::vector<ChainLink>& chain) {
  std::vector<size_t> order;
  for (const ChainLink& link : chain) order.push_back(link.completion);
  return order;
}

std::vector<std::string> markers_of(const std::vector<ChainLink>& chain) {
  std::vector<std::string> markers;
  for (const ChainLink& link : chain) markers.push_back(link.marker);
  return markers;
}

using Words = std::vector<std::string>;

TEST(Hindsight, ThePapersSetsHaveItsMarkersAndPhrases) {
  const std::map<std::string, size_t> sizes = {{"dialogue", 13}, {"webgpt", 7}, {"summary", 7}};
  for (const auto& [name, count] : sizes) {
    const HindsightTemplates set = shipped(name);
    EXPECT_EQ(set.phrase_count(), count) << name;  // the marker and the published phrases
    EXPECT_EQ(set.levels.front()[0], "An unhelpful answer:");
    EXPECT_EQ(positive_marker(set), "A helpful answer:");
    EXPECT_EQ(set.user, "User:");
  }
  EXPECT_EQ(shipped("summary").levels[1][6], "Generate a more correct summary.");
  EXPECT_EQ(shipped("ranking").levels.size(), 5U);
}

TEST(Hindsight, AsksWithTheMarkerThatTrainingUses) {
  const HindsightTemplates set = shipped("dialogue");
  EXPECT_EQ(hindsight_prompt(set, "Why?"), "User: Why? A helpful answer:");
  const auto fields =
      chain_fields(set, "Why?", {"So."}, chain_of({1, 2}, ChainForm::kPositive, set));
  EXPECT_EQ(fields[0].context, hindsight_prompt(set, "Why?"));
  EXPECT_EQ(fields[0].answer, " So.");
}

TEST(Hindsight, PairsHaveFourForms) {
  const HindsightTemplates set = shipped("webgpt");
  const Words both = {"A helpful answer:", "An unhelpful answer:"};
  EXPECT_EQ(markers_of(chain_of({1, 2}, ChainForm::kPositive, set)), Words{both[0]});
  EXPECT_EQ(markers_of(chain_of({1, 2}, ChainForm::kNegative, set)), Words{both[1]});
  EXPECT_EQ(markers_of(chain_of({1, 2}, ChainForm::kBestFirst, set)), both);
  const auto np = chain_of({1, 2}, ChainForm::kWorstFirst, set);
  EXPECT_EQ(markers_of(np), (Words{both[1], both[0]}));
  EXPECT_EQ(order_of(np), (std::vector<size_t>{1, 0}));
}

TEST(Hindsight, RankingsOfAnyLengthGoFromWorstToBestAndBack) {
  const HindsightTemplates set = shipped("webgpt");
  const std::vector<std::optional<int>> ranks = {3, {}, 1, 5, 2};  // one unjudged, one rank unused
  EXPECT_EQ(order_of(chain_of(ranks, ChainForm::kWorstFirst, set)),
            (std::vector<size_t>{3, 0, 4, 2}));
  EXPECT_EQ(order_of(chain_of(ranks, ChainForm::kBestFirst, set)),
            (std::vector<size_t>{2, 4, 0, 3}));
  EXPECT_EQ(order_of(chain_of(ranks, ChainForm::kPositive, set)), std::vector<size_t>{2});
  EXPECT_EQ(order_of(chain_of(ranks, ChainForm::kNegative, set)), std::vector<size_t>{3});
}

TEST(Hindsight, ShuffledChainsKeepEachAnswersMarker) {
  const HindsightTemplates set = shipped("webgpt");
  std::set<std::vector<size_t>> orders;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto chain = chain_of({1, 2, 3}, ChainForm::kShuffled, set, seed);
    orders.insert(order_of(chain));
    for (const ChainLink& link : chain) {
      EXPECT_EQ(link.marker, link.completion == 2 ? "An unhelpful answer:" : "A helpful answer:");
    }
  }
  EXPECT_EQ(orders.size(), 6U);  // all of them
}

TEST(Hindsight, LevelsSpreadOverTheRanksAndWordsCompareNeighbours) {
  HindsightTemplates set = shipped("ranking");
  EXPECT_EQ(markers_of(chain_of({2, 1, 2, 3}, ChainForm::kWorstFirst, set)),
            (Words{"A poor answer:", "A better answer:", "An equally good answer:",
                   "A better answer:"}));
  EXPECT_EQ(markers_of(chain_of({1, 2}, ChainForm::kBestFirst, set)),
            (Words{"An excellent answer:", "A worse answer:"}));
  set.better.clear();
  set.worse.clear();
  set.equal.clear();
  EXPECT_EQ(markers_of(chain_of({1, 2, 3, 4, 5}, ChainForm::kWorstFirst, set)),
            (Words{"A poor answer:", "A weak answer:", "A fair answer:", "A good answer:",
                   "An excellent answer:"}));
}

TEST(Hindsight, OnePhraseServesAWholeChain) {
  const HindsightTemplates set = shipped("dialogue");
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const auto chain = make_chain({1, 2}, set, {.form = ChainForm::kWorstFirst}, random).value();
    const auto at = std::find(set.levels[0].begin(), set.levels[0].end(), chain[0].marker);
    ASSERT_NE(at, set.levels[0].end());
    EXPECT_EQ(chain[1].marker, set.levels[1][static_cast<size_t>(at - set.levels[0].begin())]);
    seen.insert(chain[1].marker);
  }
  EXPECT_EQ(seen.size(), set.phrase_count());
}

TEST(Hindsight, LongChainsAreCutToARandomChoice) {
  const HindsightTemplates set = shipped("ranking");
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const ChainOptions two{.form = ChainForm::kWorstFirst, .max_answers = 2};
    const auto chain = make_chain({1, 1, 1, 1, 2}, set, two, random).value();
    ASSERT_EQ(chain.size(), 2U);
    EXPECT_EQ(chain[0].completion, 4U);  // never two that nobody told apart
  }
}

TEST(Hindsight, TiesAloneTeachNothing) {
  const HindsightTemplates set = shipped("webgpt");
  for (const std::vector<std::optional<int>>& ranks :
       {std::vector<std::optional<int>>{1, 1}, {2, {}, {}}, {{}, {}}}) {
    Random random(1);
    const auto chain = make_chain(ranks, set, {}, random);
    ASSERT_FALSE(chain.ok());
    EXPECT_NE(chain.error().message().find("of one rank"), std::string::npos);
  }
}

TEST(Hindsight, MessagesCarryTheMarkerBehindTheLastUserTurn) {
  const Messages asked = {{"user", "Hi", {{"role", "user"}, {"content", "Hi"}}}};
  const Messages marked = with_marker(asked, "A helpful answer:");
  ASSERT_EQ(marked.size(), 1U);
  EXPECT_EQ(marked[0].raw["content"], "Hi\nA helpful answer:");
  Messages answered = marked;
  answered.push_back({"assistant", "Ho", {{"role", "assistant"}, {"content", "Ho"}}});
  const Messages next = with_marker(answered, "An unhelpful answer:");
  ASSERT_EQ(next.size(), 3U);
  EXPECT_EQ(next[2].role, "user");
  EXPECT_EQ(next[2].raw["content"], "An unhelpful answer:");
}

TEST(Hindsight, MarkerFilesWithMistakesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "must be an object"},
      {R"({"levels": [["a"]]})", "two or more"},
      {R"({"levels": [["a"], ["b", "c"]]})", "levels[1]"},
      {R"({"levels": [["a"], [""]]})", "not empty"},
      {R"({"levels": [[], []]})", "no phrase"},
      {R"({"levels": [["a"], ["a"]]})", "marks two levels"},
      {R"({"levels": [["a"], ["b"]], "better": ["x", "y"]})", "better"},
      {R"({"levels": [["a"], ["b"]], "user": 3})", "user"},
  };
  for (const auto& [text, expected] : cases) {
    const auto templates = parse_hindsight_templates(parse_json(text).value());
    ASSERT_FALSE(templates.ok()) << text;
    EXPECT_NE(templates.error().message().find(expected), std::string::npos)
        << templates.error().message();
  }
}

TEST(Hindsight, SetsComeBackFromJson) {
  for (const char* name : {"dialogue", "ranking"}) {
    const HindsightTemplates set = shipped(name);
    const auto again = parse_hindsight_templates(parse_json(to_line(to_json(set))).value());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(to_json(*again), to_json(set));
  }
}

}  // namespace
}  // namespace attune::data
