#include "data/row_faults.h"

#include <gtest/gtest.h>

#include "data/judged_rows.h"

namespace attune::data {
namespace {

Example row(const char* text) {
  return parse_example(parse_ordered_json(text).value()).value();
}

std::string reason(const char* text, feedback::TieRule ties = feedback::TieRule::kSkip) {
  const auto fault = find_row_fault(row(text), ties);
  return fault ? fault->reason : "";
}

TEST(RowFaults, AreNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"prompt":"p","chosen":"a","rejected":"a"})", "pair with equal sides"},
      {R"({"chosen":[{"role":"user","content":"a"}],"rejected":[{"from":"human","value":"a"}]})",
       "pair with equal sides"},
      {R"({"chosen":[{"role":"user","content":"a"}],"rejected":[{"role":"user","content":"b"}]})",
       ""},
      {R"({"prompt":"p","chosen":"a","rejected":"a "})", ""},
      {R"({"prompt":"p","completions":["a","b"],"ranks":[1,null]})", "one-item ranking"},
      {R"({"prompt":"p","completions":["a","b"],"ranks":[1,3]})", "rank out of range"},
      {R"({"prompt":"p","completions":["a","b","c"],"ranks":[1,3,3]})", "ranks with holes"},
      {R"({"prompt":"p","completions":["a","b"],"ranks":[1,1]})", "ranking without a difference"},
      {R"({"prompt":"p","completions":["a","b","a"],"ranks":[1,2,3]})", "pair with equal sides"},
      {R"({"prompt":"p","completions":["a","b","a"],"ranks":[1,2,1]})", ""},
      {R"({"prompt":"p","completions":["a","b","a"],"ranks":[1,2,null]})", ""},
      {R"({"chosen_prompt":"p","chosen":"a","rejected_prompt":"p","rejected":"a"})",
       "pair with equal sides"},
      {R"({"chosen_prompt":"p","chosen":"a","rejected_prompt":"q","rejected":"a"})", ""},
      {R"({"prompt":"p","completion":"a","label":true})", ""},
      {R"({"text":"t"})", ""}};
  for (const auto& [text, expected] : rows) EXPECT_EQ(reason(text), expected) << text;
  EXPECT_EQ(
      reason(R"({"prompt":"p","completions":["a","b"],"ranks":[1,1]})", feedback::TieRule::kHalf),
      "");
  EXPECT_EQ(find_row_fault(row(R"({"prompt":"p","completions":["a","b"],"ranks":[2,2]})"))->detail,
            "no item has rank 1; ranks go 1, 2, 3, ... (after two at rank 2, rank 3 or rank 4 may "
            "follow)");
}

TEST(RowFaults, ContradictionsAcrossForms) {
  const char* rows[] = {
      R"({"prompt":"p","chosen":"a","rejected":"b"})",                  // 0
      R"({"prompt":"q","chosen":"b","rejected":"a"})",                  // 1: other prompt
      R"({"prompt":"p","completions":["c","b","a"],"ranks":[1,2,3]})",  // 2: against 0
      R"({"prompt":"p","completions":["a","c"],"ranks":[2,1],"annotator":"kim"})",  // 3
      R"({"prompt":"p","chosen":"a","rejected":"c","annotator":"lee"})",         // 4: lee differs
      R"({"prompt":"p","chosen":"a","rejected":"c","annotator":"kim"})",         // 5: against 3
      R"({"prompt":"p","completion":"a","label":true})",                         // 6
      R"({"prompt":"p","completion":"a","label":false})",                        // 7: against 6
      R"({"prompt":"p","completion":"a","label":true})",                         // 8: against 7
      R"({"prompt":"p","chosen":"b","rejected":"a","chosen_probability":0.6})",  // 9: of several
      R"({"prompt":"r","completions":["x","y","x"],"ranks":[1,2,3]})",           // 10: itself
      R"({"prompt":"s","completions":["x","y"],"ranks":[1,null]})",              // 11: no pair
      R"({"text":"t"})"};                                                        // 12
  ContradictionFinder finder;
  for (const char* one : rows) finder.add(row(one));
  EXPECT_EQ(finder.find(), (std::vector<int64_t>{2, -1, 0, 5, -1, 3, 7, 6, 7, -1, 10, -1, -1}));
  EXPECT_TRUE(ContradictionFinder().find().empty());
}

TEST(RowFaults, ContradictionsAcrossPromptsAreOfBothSides) {
  const char* rows[] = {
      R"({"chosen_prompt":"p","chosen":"a","rejected_prompt":"q","rejected":"b"})",
      R"({"chosen_prompt":"q","chosen":"a","rejected_prompt":"p","rejected":"b"})",
      R"({"chosen_prompt":"q","chosen":"b","rejected_prompt":"p","rejected":"a"})"};
  ContradictionFinder finder;
  for (const char* one : rows) finder.add(row(one));
  EXPECT_EQ(finder.find(), (std::vector<int64_t>{2, -1, 0}));
}

TEST(RowFaults, AreErrorsWithTheirReason) {
  const RowStatus refused = check_row(row(R"({"prompt":"p","chosen":"a","rejected":"a"})"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), "pair with equal sides");
  EXPECT_EQ(refused.error().with_context("x.jsonl row 3").reason(), "pair with equal sides");
  EXPECT_EQ(refused.error().message(), "chosen and rejected are the same");
  EXPECT_TRUE(check_row(row(R"({"prompt":"p","chosen":"a","rejected":"b"})")).ok());
}

TEST(RowFaults, AStringIsNotAConversationThatReadsTheSame) {
  ContradictionFinder finder;
  finder.add(row(R"({"prompt":"p","chosen":"a","rejected":"b"})"));
  finder.add(row(
      R"({"prompt":[{"role":"user","content":"p"}],"chosen":[{"role":"assistant","content":"b"}],)"
      R"("rejected":[{"role":"assistant","content":"a"}]})"));
  EXPECT_EQ(finder.find(), (std::vector<int64_t>{-1, -1}));
}

TEST(JudgedRows, PeopleAreComparedOnTheSameAnswers) {
  const char* rows[] = {
      R"({"prompt":"p","chosen":"a","rejected":"b","annotator":"kim"})",
      R"({"prompt":"p","completions":["b","c","a"],"ranks":[2,3,1],"annotator":"lee"})",
      R"({"prompt":"p","completions":["c","a","b"],"ranks":[1,2,2],"annotator":"mia"})",
      R"({"prompt":"q","chosen":"b","rejected":"a","annotator":"mia"})",  // another prompt
      R"({"prompt":"p","chosen":"b","rejected":"a"})",                    // of nobody named
      R"({"prompt":"p","chosen":"b","rejected":"a","annotator":"lee","chosen_probability":0.9})",
      R"({"prompt":"p","chosen":"a","rejected":"a","annotator":"lee"})",
      R"({"prompt":"p","completions":["a","b"],"ranks":[2,5],"annotator":"lee"})",
      R"({"prompt":"p","completion":"a","label":true,"annotator":"lee"})"};
  JudgedRows judged;
  for (const char* one : rows) judged.add(row(one));
  EXPECT_EQ(judged.comparisons().size(), 1u + 3 + 3 + 1);
  // ab: kim and lee agree, mia ties. ac and bc: lee and mia differ.
  const auto people =
      feedback::pair_agreement(judged.comparisons(), feedback::RaterPairs::kDifferent);
  EXPECT_EQ(people.comparisons, 3);
  EXPECT_EQ(people.agreements, 1);
}

}  // namespace
}  // namespace attune::data
