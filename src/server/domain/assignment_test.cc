#include "server/domain/assignment.h"

#include <gtest/gtest.h>

#include <map>

#include "server/domain/agreement.h"
#include "server/domain/schema_fixture.h"

namespace attune::domain {
namespace {

AssignmentRules some_rules() {
  AssignmentRules rules;
  rules.lease_seconds = 60;
  rules.quota = 10;
  rules.quotas = {{"ann", 3}};
  rules.onboarding = Onboarding{2, 0.5};
  rules.groups = {{"doctors", {"ann", "bob"}, 20, AssignmentScope{"lang", {"en"}}},
                  {"others", {"cid"}, std::nullopt, std::nullopt}};
  return rules;
}

TEST(AssignmentRules, SurviveTheirJson) {
  const OrderedJson json = to_json(some_rules());
  EXPECT_EQ(to_line(to_json(assignment_rules_of(json).value())), to_line(json));
  EXPECT_EQ(to_line(to_json(AssignmentRules())),
            R"({"lease_seconds":900,"quota":null,"quotas":{},"skips_max":null,"blind":true,)"
            R"("onboarding":null,"groups":[]})");
  EXPECT_EQ(assignment_rules_of(OrderedJson::object()).error().code(), ErrorCode::kInternal);
}

TEST(AssignmentRules, WhoHasWhichQuota) {
  const AssignmentRules rules = some_rules();
  EXPECT_EQ(quota_of(rules, "ann"), 3);
  EXPECT_EQ(quota_of(rules, "bob"), 10);
  EXPECT_EQ(group_of(rules, "bob")->name, "doctors");
  EXPECT_EQ(group_of(rules, "dan"), nullptr);
}

TEST(AssignmentRules, GroupsAreChecked) {
  const Schema schema = schema_of_everything();
  EXPECT_TRUE(check_assignment_rules(schema, some_rules()).ok());
  auto message = [&](auto&& change) {
    AssignmentRules rules = some_rules();
    change(rules);
    return check_assignment_rules(schema, rules).error().message();
  };
  EXPECT_EQ(message([](auto& rules) { rules.groups[1].name = "doctors"; }),
            "two groups are named 'doctors'");
  EXPECT_EQ(message([](auto& rules) { rules.groups[1].members = {"bob"}; }),
            "user with id `bob` is in two groups, or twice in one");
  EXPECT_EQ(message([](auto& rules) { rules.groups[0].only->property = "count"; }),
            "group 'doctors': 'count' is not a terms metadata property of this dataset; add one "
            "first");
}

TEST(ShownOrder, IsOfCandidatesAndStaysForAPerson) {
  Schema schema = schema_of_everything();
  OrderedJson shown = shown_order(schema, true, "record", "ann");
  EXPECT_EQ(shown.size(), 1u);  // the ranking: labels are no candidates, a.. are no fields
  EXPECT_EQ(shown, shown_order(schema, true, "record", "ann"));
  EXPECT_EQ(to_line(shown_order(schema, false, "record", "ann")), R"({"rank":["a","b","c"]})");
  for (const char* name : {"a", "b", "c"}) {
    schema.fields.push_back(field(name, false, R"({"type":"text","use_markdown":false})"));
  }
  EXPECT_TRUE(shown_order(schema, true, "record", "ann").contains("kind"));
}

TEST(ShownOrder, EveryOrderIsEquallyLikely) {
  const Schema schema = schema_of_everything();
  std::map<std::string, int> seen;
  constexpr int kRecords = 6000;
  for (int i = 0; i < kRecords; ++i) {
    ++seen[to_line(shown_order(schema, true, "record " + std::to_string(i), "ann"))];
  }
  ASSERT_EQ(seen.size(), 6u);
  // 1000 each, standard deviation 29
  for (const auto& [order, times] : seen) {
    EXPECT_GT(times, 850) << order;
    EXPECT_LT(times, 1150) << order;
  }
}

double agreement(const std::string& question_name, std::vector<std::string> values) {
  std::vector<OrderedJson> answers;
  for (const std::string& value : values) {
    answers.push_back({{question_name, {{"value", json(value)}}}});
  }
  return record_agreement(schema_of_everything().questions, answers).value_or(-1);
}

TEST(RecordAgreement, ByTheKindOfQuestion) {
  EXPECT_EQ(agreement("kind", {R"("a")", R"("a")"}), 1);
  EXPECT_EQ(agreement("kind", {R"("a")", R"("b")", R"("a")"}), 1.0 / 3);
  EXPECT_EQ(agreement("stars", {"1", "2"}), 0);  // the whole length of the scale
  EXPECT_EQ(agreement("stars", {"2", "2"}), 1);
  EXPECT_DOUBLE_EQ(agreement("tags", {R"(["a","b"])", R"(["b"])"}), 0.5 * 2 / 3);
  std::string abc = R"([{"value":"a","rank":1},{"value":"b","rank":2},{"value":"c","rank":3}])";
  std::string cba = R"([{"value":"c","rank":1},{"value":"b","rank":2},{"value":"a","rank":3}])";
  std::string acb = R"([{"value":"a","rank":1},{"value":"c","rank":2},{"value":"b","rank":3}])";
  EXPECT_EQ(agreement("rank", {abc, abc}), 1);
  EXPECT_EQ(agreement("rank", {abc, cba}), 0);
  EXPECT_DOUBLE_EQ(agreement("rank", {abc, acb}), 2.0 / 3);
  EXPECT_EQ(agreement("note", {R"("x")", R"("y")"}), -1);
  EXPECT_EQ(agreement("kind", {R"("a")"}), -1);
}

TEST(RecordAgreement, IsTheMeanOverQuestions) {
  auto both = [](const char* kind, int stars) {
    return OrderedJson{{"kind", {{"value", kind}}}, {"stars", {{"value", stars}}}};
  };
  EXPECT_EQ(record_agreement(schema_of_everything().questions, {both("a", 1), both("a", 2)}), 0.5);
}

}  // namespace
}  // namespace attune::domain
