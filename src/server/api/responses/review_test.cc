#include <gtest/gtest.h>

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class ReviewTest : public testing::ApiTest {
 protected:
  std::string dataset(const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema_.dataset.id + more;
  }
  std::string record(int i, const std::string& more) const {
    return "/api/attune/v1/records/" + ids_of_records_[static_cast<size_t>(i)] + more;
  }
  void add_records(int count) {
    OrderedJson items = OrderedJson::array();
    for (int i = 0; i < count; ++i) items.push_back({{"fields", {{"text", std::to_string(i)}}}});
    for (const auto& one : upsert(items.dump())) ids_of_records_.push_back(one["id"]);
  }
  // {"rank":{"value":[...]}} with the options in this order.
  static OrderedJson ranking(const std::string& order) {
    OrderedJson items = OrderedJson::array();
    for (char option : order) {
      items.push_back({{"value", std::string(1, option)}, {"rank", items.size() + 1}});
    }
    return {{"rank", {{"value", items}}}};
  }
  void answer(const std::string& who, int i, const std::string& order) {
    auto reply = post(who, "/api/v1/records/" + ids_of_records_[static_cast<size_t>(i)] +
                               "/responses",
                      {{"status", "submitted"}, {"values", ranking(order)}});
    EXPECT_EQ(reply.status, 201) << reply.text;
  }
  void discard(const std::string& who, int i) {
    auto reply = post(who, "/api/v1" + record(i, "/responses").substr(14),
                      {{"status", "discarded"}, {"values", nullptr}});
    EXPECT_EQ(reply.status, 201) << reply.text;
  }

  std::vector<std::string> ids_of_records_;
};

TEST_P(ReviewTest, DisagreementsWaitForADecision) {
  add_records(3);
  for (auto [who, orders] : {std::pair("ann", std::vector{"abc", "abc", "abc"}),
                             std::pair("bob", std::vector{"abc", "cba", "acb"})}) {
    for (int i = 0; i < 3; ++i) answer(who, i, orders[static_cast<size_t>(i)]);
  }
  auto found = get("rev", dataset("/disagreements"));
  ASSERT_EQ(found.status, 200) << found.text;
  ASSERT_EQ(found.body["items"].size(), 2u);
  EXPECT_EQ(found.body["items"][0]["record_id"], ids_of_records_[1]);
  EXPECT_EQ(found.body["items"][0]["agreement"], 0.0);
  EXPECT_EQ(found.body["items"][0]["answers"], 2);
  EXPECT_EQ(found.body["next_after"], nullptr);
  EXPECT_EQ(get("rev", dataset("/disagreements?below=0.5")).body["items"].size(), 1u);
  auto page = get("rev", dataset("/disagreements?limit=1"));
  ASSERT_TRUE(page.body["next_after"].is_number());
  auto rest = get("rev", dataset("/disagreements?after=" + page.body["next_after"].dump()));
  EXPECT_EQ(rest.body["items"].size(), 1u);
  EXPECT_EQ(get("ann", dataset("/disagreements")).status, 403);

  auto decided = put("rev", record(1, "/adjudication"),
                     {{"values", ranking("bac")}, {"note", "the second is polite"}});
  ASSERT_EQ(decided.status, 200) << decided.text;
  EXPECT_EQ(decided.body["user_id"], ids_["rev"]);
  EXPECT_EQ(get("rev", dataset("/disagreements")).body["items"].size(), 1u);
  EXPECT_EQ(get("lead", record(1, "/adjudication")).body["values"], ranking("bac"));
  EXPECT_EQ(get("lead", dataset("/adjudication")).body["items"].size(), 1u);
  // The answers of people stay as they are.
  auto whole = get("lead", "/api/v1/records/" + ids_of_records_[1]);
  EXPECT_EQ(whole.body["responses"].size(), 2u);

  EXPECT_EQ(put("rev", record(1, "/adjudication"), {{"values", ranking("ba")}}).body["detail"],
            "ranking question expects a list containing 3 values, found a list of 2 values");
  EXPECT_EQ(put("ann", record(1, "/adjudication"), {{"values", ranking("abc")}}).status, 403);
  EXPECT_EQ(del("rev", record(1, "/adjudication")).status, 204);
  EXPECT_EQ(del("rev", record(1, "/adjudication")).status, 404);
  EXPECT_EQ(get("rev", record(1, "/adjudication")).status, 404);
}

TEST_P(ReviewTest, GoldRecordsMeasurePeople) {
  add_records(2);
  put("lead", record(0, "/gold"), {{"values", ranking("abc")}});
  put("lead", record(1, "/gold"), {{"values", ranking("abc")}});
  answer("ann", 0, "abc");
  answer("ann", 1, "cba");
  answer("bob", 0, "abc");
  discard("bob", 1);
  auto scores = get("rev", dataset("/gold/scores"));
  ASSERT_EQ(scores.status, 200) << scores.text;
  ASSERT_EQ(scores.body["items"].size(), 2u);
  EXPECT_EQ(scores.body["items"][0]["username"], "ann");
  EXPECT_EQ(scores.body["items"][0]["agreement"], 0.5);
  EXPECT_EQ(scores.body["items"][1]["agreement"], 0.5);
  EXPECT_EQ(scores.body["items"][1]["answers"], 2);
  EXPECT_EQ(scores.body["items"][1]["discarded"], 1);
  for (const std::string& path : {dataset("/gold/scores"), dataset("/gold"), record(0, "/gold")}) {
    EXPECT_EQ(get("ann", path).status, 403) << path;  // they would give the answer away
  }
}

TEST_P(ReviewTest, WhoIsNewAnswersGoldRecordsFirst) {
  add_records(3);
  auto next = [&](const char* who) {
    auto reply = post(who, dataset("/next"), {{"count", 2}});
    EXPECT_EQ(reply.status, 200) << reply.text;
    std::string all;
    for (const auto& item : reply.body["items"]) {
      all += item["record"]["fields"]["text"].get<std::string>() + " ";
    }
    return all + (reply.body["reason"].is_null() ? "" : reply.body["reason"].get<std::string>());
  };
  put("lead", record(2, "/gold"), {{"values", ranking("abc")}});
  auto rules = put("lead", dataset("/assignment"),
                   {{"overlap", {{"min_submitted", 2}}},
                    {"onboarding", {{"records", 1}, {"min_agreement", 0.6}}}});
  ASSERT_EQ(rules.status, 200) << rules.text;
  EXPECT_EQ(next("ann"), "2 ");
  EXPECT_EQ(next("ann"), "2 ");
  answer("ann", 2, "abc");
  EXPECT_EQ(next("ann"), "0 1 ");
  EXPECT_EQ(next("bob"), "2 ");
  answer("bob", 2, "cba");
  EXPECT_EQ(next("bob"), "onboarding_failed");
  // Neither a skip nor a discard is a way around.
  auto skipped = post("rev", record(2, "/skip"), OrderedJson::object());
  EXPECT_EQ(skipped.status, 409) << skipped.text;
  EXPECT_EQ(post("rev", record(1, "/skip"), OrderedJson::object()).status, 201);
  discard("rev", 2);
  EXPECT_EQ(next("rev"), "onboarding_failed");
  // Nor that there are fewer gold records than the rule wants.
  put("lead", dataset("/assignment"),
      {{"onboarding", {{"records", 2}, {"min_agreement", 0.6}}}});
  EXPECT_EQ(next("rev"), "onboarding_failed");
  EXPECT_EQ(next("bob"), "onboarding_failed");
}

INSTANTIATE_BOTH_DATABASES(ReviewTest);

}  // namespace
}  // namespace attune::api
