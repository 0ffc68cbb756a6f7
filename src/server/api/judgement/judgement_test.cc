#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class JudgementTest : public testing::ApiTest {
 protected:
  std::string of(const domain::Schema& schema, const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema.dataset.id + more;
  }
  std::string dataset(const std::string& more) const { return of(schema_, more); }

  static OrderedJson ranking(const std::string& order) {
    OrderedJson items = OrderedJson::array();
    for (const char option : order) {
      items.push_back({{"value", std::string(1, option)}, {"rank", items.size() + 1}});
    }
    return items;
  }
  OrderedJson answer(const std::string& who, const std::string& order, const std::string& kind,
                     const OrderedJson& tags = nullptr) {
    OrderedJson values = {{"rank", {{"value", ranking(order)}}}, {"kind", {{"value", kind}}}};
    if (!tags.is_null()) values["tags"] = {{"value", tags}};
    return {{"user_id", ids_[who]}, {"status", "submitted"}, {"values", std::move(values)}};
  }
  // A record for each pair of answers.
  OrderedJson add(const std::vector<OrderedJson>& records) {
    OrderedJson items = OrderedJson::array();
    for (const OrderedJson& responses : records) {
      items.push_back({{"fields", {{"text", "t"}}}, {"responses", responses}});
    }
    return upsert(items.dump());
  }
  // ann says a a b b and always abc; bob says a b b b and cba once.
  OrderedJson add_four() {
    return add({{answer("ann", "abc", "a", {"a"}), answer("bob", "abc", "a", {"a"})},
                {answer("ann", "abc", "a", {"a", "b"}), answer("bob", "cba", "b", {"a"})},
                {answer("ann", "abc", "b", {"c"}), answer("bob", "abc", "b", {"c"})},
                {answer("ann", "abc", "b", {"b"}), answer("bob", "abc", "b", {"b"})}});
  }
  OrderedJson agreement_on(const std::string& question, const std::string& more = "") {
    const auto reply = get("rev", dataset("/agreement?question=" + question + more));
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body["items"].at(0);
  }
  OrderedJson aggregate(const std::string& query) {
    const auto reply = get("rev", dataset("/aggregate?" + query));
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body;
  }
};
INSTANTIATE_BOTH_DATABASES(JudgementTest);

TEST_P(JudgementTest, AgreementOfLabelsByHand) {
  add_four();
  const OrderedJson found = agreement_on("kind");
  EXPECT_EQ(found["question"]["type"], "label_selection");
  EXPECT_EQ(found["records"], 4);
  EXPECT_EQ(found["answers"], 8);
  // D_o = 2/8; D_e = 2 * 3 * 5 / (8 * 7)
  EXPECT_NEAR(found["alpha"]["value"].get<double>(), 1 - 0.25 / (30.0 / 56), 1e-12);
  EXPECT_EQ(found["alpha"]["distance"], "nominal");
  EXPECT_LE(found["alpha"]["low"], found["alpha"]["value"]);
  EXPECT_GE(found["alpha"]["high"], found["alpha"]["value"]);
  EXPECT_NEAR(found["fleiss_kappa"]["value"].get<double>(), (0.75 - 0.53125) / 0.46875, 1e-12);
  ASSERT_EQ(found["pairs_of_annotators"].size(), 1u);
  const OrderedJson& pair = found["pairs_of_annotators"][0];
  EXPECT_EQ(pair["annotators"], OrderedJson({"ann", "bob"}));
  EXPECT_NEAR(pair["cohen_kappa"].get<double>(), 0.5, 1e-12);
  EXPECT_EQ(pair["same_answer"], 0.75);
}

TEST_P(JudgementTest, AgreementOfRankingsByHand) {
  add_four();
  const OrderedJson found = agreement_on("rank");
  EXPECT_NEAR(found["alpha"]["value"].get<double>(), 0.5, 1e-12);
  EXPECT_EQ(found["alpha"]["distance"], "kendall");
  EXPECT_NEAR(found["pairs_of_annotators"][0]["kendall_tau_b"].get<double>(), 0.5, 1e-12);
  EXPECT_NEAR(found["rankings"]["kendall_w"]["value"].get<double>(), 0.75, 1e-12);
  EXPECT_EQ(found["rankings"]["pairs"]["comparisons"], 12);
  EXPECT_EQ(found["rankings"]["pairs"]["agreements"], 9);
  EXPECT_NEAR(found["rankings"]["pairs"]["flip_rate"]["value"].get<double>(),
              (1 - std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_TRUE(found["fleiss_kappa"].is_null());
  // Three answers of four are abc for both: by chance they would agree more often than not.
  const OrderedJson pooled = agreement_on("rank", "&expectation=pooled");
  EXPECT_LT(pooled["alpha"]["value"].get<double>(), 0.5);
  EXPECT_TRUE(pooled["alpha"]["low"].is_null());
}

TEST_P(JudgementTest, AgreementOfSetsAndOfAllQuestionsAtOnce) {
  add_four();
  const OrderedJson sets = agreement_on("tags");
  EXPECT_EQ(sets["alpha"]["distance"], "masi");
  EXPECT_GT(sets["alpha"]["value"].get<double>(), 0.5);
  EXPECT_LT(sets["alpha"]["value"].get<double>(), 1);
  const auto all = get("lead", dataset("/agreement?resamples=0")).body["items"];
  ASSERT_EQ(all.size(), schema_.questions.size());
  EXPECT_TRUE(all[0]["alpha"].is_null()) << "texts have no distance";
  EXPECT_TRUE(all[2]["alpha"]["value"].is_null()) << "nobody gave stars";
  EXPECT_TRUE(all[3]["alpha"]["low"].is_null()) << "no resamples, no interval";
  for (const OrderedJson& one : all) {
    if (!one["rankings"].is_object()) continue;
    const OrderedJson& rate = one["rankings"]["pairs"]["rate"];
    EXPECT_TRUE(rate["value"].is_number()) << one;
    EXPECT_TRUE(rate["low"].is_null() && rate["standard_error"].is_null()) << rate;
  }
}

TEST_P(JudgementTest, AllQuestionsReadAtOnceSayWhatEachSaysAlone) {
  add_four();
  // Answers to some questions only: the items and raters of one are not those of another.
  add({OrderedJson::array({answer("ann", "bca", "c", {"a"})}),
       OrderedJson::array({answer("bob", "cab", "b")})});
  const auto all = get("rev", dataset("/agreement?seed=2")).body["items"];
  ASSERT_EQ(all.size(), schema_.questions.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(agreement_on(schema_.questions[i].name, "&seed=2"), all[i]);
  }
  EXPECT_EQ(agreement_on("kind")["records"], 6);
  EXPECT_EQ(agreement_on("tags")["records"], 5);
}

TEST_P(JudgementTest, TheSameSeedGivesTheSameInterval) {
  add_four();
  EXPECT_EQ(agreement_on("kind", "&seed=3"), agreement_on("kind", "&seed=3"));
  EXPECT_NE(agreement_on("kind", "&seed=3&resamples=50")["alpha"]["standard_error"],
            agreement_on("kind", "&seed=4&resamples=50")["alpha"]["standard_error"]);
}

TEST_P(JudgementTest, DraftsDiscardsAndForgottenAnswersSayNothing) {
  add_four();
  OrderedJson draft = answer("ann", "cba", "c"), discarded = answer("bob", "cba", "c");
  draft["status"] = "draft";
  discarded["status"] = "discarded";
  add({{draft, discarded}});
  EXPECT_EQ(agreement_on("kind")["answers"], 8);
  EXPECT_EQ(post("owner", "/api/attune/v1/users/" + ids_["bob"] + "/forget", nullptr).status, 200);
  const OrderedJson after = agreement_on("kind");
  EXPECT_EQ(after["answers"], 4);
  EXPECT_TRUE(after["alpha"]["value"].is_null());
}

TEST_P(JudgementTest, MajorityCountsVotesAndBreaksTiesByTheSeed) {
  const OrderedJson records = add_four();
  const OrderedJson found = aggregate("question=kind&seed=5");
  EXPECT_EQ(found["method"], "majority");
  ASSERT_EQ(found["items"].size(), 4u);
  EXPECT_EQ(found["items"][0]["value"], "a");
  EXPECT_EQ(found["items"][0]["record_id"], records[0]["id"]);
  EXPECT_EQ(found["items"][2]["value"], "b");
  EXPECT_EQ(found["items"][1]["tied"], true);
  EXPECT_EQ(found["items"][1]["shares"][0]["share"], 0.5);
  std::set<std::string> drawn;
  for (int seed = 0; seed < 20; ++seed) {
    drawn.insert(aggregate("question=kind&seed=" + std::to_string(seed))["items"][1]["value"]);
  }
  EXPECT_EQ(drawn, (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(aggregate("question=kind&seed=5"), found);
}

TEST_P(JudgementTest, WhatAReviewerDecidedStandsInPlaceOfTheModel) {
  const OrderedJson records = add_four();
  const std::string second = records[1]["id"].get<std::string>();
  const auto decided = put("rev", "/api/attune/v1/records/" + second + "/adjudication",
                           {{"values", answer("rev", "bca", "c", {"b", "c"})["values"]}});
  ASSERT_EQ(decided.status, 200) << decided.text;
  const OrderedJson kind = aggregate("question=kind");
  EXPECT_EQ(kind["adjudicated"], 1);
  EXPECT_EQ(kind["items"][1]["value"], "c");
  EXPECT_EQ(kind["items"][1]["adjudicated"], true);
  EXPECT_EQ(kind["items"][1]["tied"], false);
  EXPECT_EQ(kind["items"][1]["shares"][0]["share"], 0.5);  // of people's answers
  EXPECT_FALSE(kind["items"][0].contains("adjudicated"));
  EXPECT_EQ(aggregate("question=tags")["items"][1]["value"], OrderedJson({"b", "c"}));
  const OrderedJson ranking = aggregate("question=rank")["items"][1]["ranking"];
  EXPECT_EQ(ranking[0], OrderedJson({{"value", "b"}, {"rank", 1}, {"strength", nullptr}}));
  const OrderedJson people = aggregate("question=kind&answers=annotators");
  EXPECT_EQ(people["adjudicated"], 0);
  EXPECT_EQ(people["items"][1]["tied"], true);
  EXPECT_EQ(get("rev", dataset("/aggregate?answers=all")).status, 422);
}

TEST_P(JudgementTest, ModelsOfPeopleFindWhoIsReliable) {
  std::vector<OrderedJson> records;
  // ann and lead say what is true; bob always says b.
  for (int i = 0; i < 12; ++i) {
    const std::string truth = i % 2 == 0 ? "a" : "b";
    records.push_back({answer("ann", "abc", truth), answer("lead", "abc", truth),
                       answer("bob", "abc", "b")});
  }
  add(records);
  const OrderedJson mace = aggregate("question=kind&method=mace");
  ASSERT_EQ(mace["annotators"].size(), 3u);
  EXPECT_EQ(mace["annotators"][1]["username"], "bob");
  EXPECT_LT(mace["annotators"][1]["competence"].get<double>(), 0.5);
  EXPECT_GT(mace["annotators"][0]["competence"].get<double>(), 0.9);
  const OrderedJson model = aggregate("question=kind&method=dawid_skene");
  EXPECT_EQ(model["model"]["converged"], true);
  EXPECT_GT(model["annotators"][1]["confusion"][0][1].get<double>(), 0.9) << "b for a";
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(model["items"][i]["value"], i % 2 == 0 ? "a" : "b");
}

TEST_P(JudgementTest, SetsAreAggregatedLabelByLabel) {
  add({{answer("ann", "abc", "a", {"a", "b"}), answer("bob", "abc", "a", {"a"}),
        answer("lead", "abc", "a", {"a", "b"})}});
  const OrderedJson found = aggregate("question=tags");
  EXPECT_EQ(found["items"][0]["value"], OrderedJson({"a", "b"}));
  EXPECT_NEAR(found["items"][0]["shares"][1]["share"].get<double>(), 2.0 / 3, 1e-12);
  EXPECT_EQ(found["items"][0]["shares"][2]["share"], 0.0);
  EXPECT_EQ(aggregate("question=tags&method=mace")["annotators"][0]["labels"].size(), 3u);
}

TEST_P(JudgementTest, RankingsOfARecordBecomeOne) {
  add({{answer("ann", "abc", "a"), answer("bob", "bac", "a"), answer("lead", "abc", "a")},
       {answer("ann", "abc", "a"), answer("bob", "cba", "a")}});
  for (const char* method : {"bradley_terry", "plackett_luce"}) {
    const OrderedJson found = aggregate(std::string("question=rank&method=") + method);
    std::string order;
    for (const auto& one : found["items"][0]["ranking"]) order += one["value"].get<std::string>();
    EXPECT_EQ(order, "abc") << method;
  }
  const OrderedJson tied = aggregate("question=rank")["items"][1]["ranking"];
  for (const auto& one : tied) EXPECT_EQ(one["rank"], 1) << "one against one: nobody is ahead";
}

TEST_P(JudgementTest, OptionsThatAreSystemsHaveOneStrengthEach) {
  add({{answer("ann", "abc", "a"), answer("bob", "bac", "a")},
       {answer("ann", "acb", "a"), answer("bob", "cab", "a")},
       {answer("ann", "abc", "a"), answer("bob", "abc", "a")}});
  for (const std::string method : {"bradley_terry", "plackett_luce", "crowd_bt"}) {
    const OrderedJson found = aggregate("question=rank&scope=options&method=" + method);
    EXPECT_EQ(found["model"]["ranking"][0]["value"], "a") << method;
    EXPECT_EQ(found["model"]["ranking"][0]["rank"], 1);
    EXPECT_TRUE(found["items"].empty());
  }
  const OrderedJson crowd = aggregate("question=rank&scope=options&method=crowd_bt");
  EXPECT_GT(crowd["annotators"][0]["reliability"], crowd["annotators"][1]["reliability"]);
  EXPECT_EQ(get("rev", dataset("/aggregate?question=rank&method=crowd_bt")).status, 422);
}

TEST_P(JudgementTest, StrengthsThatDoNotExistAreExplained) {
  add({{answer("ann", "abc", "a")}});
  const auto reply = get("rev", dataset("/aggregate?question=rank&scope=options"));
  EXPECT_EQ(reply.status, 422);
  EXPECT_NE(reply.text.find("prior"), std::string::npos) << reply.text;
  EXPECT_EQ(aggregate("question=rank&scope=options&prior_precision=0.1")["model"]["ranking"][0]
                     ["value"],
            "a");
}

TEST_P(JudgementTest, PagesOfAnAggregateMeetEveryRecordOnce) {
  const OrderedJson records = add_four();
  std::vector<std::string> seen;
  OrderedJson after = 0;
  while (!after.is_null()) {
    const OrderedJson page = aggregate("question=kind&limit=3&after=" + after.dump());
    for (const auto& item : page["items"]) seen.push_back(item["record_id"]);
    after = page["next_after"];
  }
  ASSERT_EQ(seen.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(seen[i], records[i]["id"]);
}

TEST_P(JudgementTest, AnnotatorsWhoDeserveALook) {
  std::vector<OrderedJson> records;
  for (int i = 0; i < 12; ++i) {
    const std::string kind = i % 2 == 0 ? "a" : "b";
    OrderedJson slow = answer("ann", "abc", kind), also = answer("lead", "abc", kind),
                fast = answer("bob", "abc", "c");
    slow["seconds_spent"] = also["seconds_spent"] = 20;
    fast["seconds_spent"] = 0.5;
    records.push_back({slow, also, fast});
  }
  const OrderedJson made = add(records);
  put("lead", "/api/attune/v1/records/" + made[0]["id"].get<std::string>() + "/gold",
      {{"values", answer("lead", "abc", "a")["values"]}});
  const auto reply = get("rev", dataset("/annotators?question=kind"));
  ASSERT_EQ(reply.status, 200) << reply.text;
  const OrderedJson& ann = reply.body["items"][0];
  const OrderedJson& bob = reply.body["items"][1];
  EXPECT_EQ(ann["username"], "ann");
  EXPECT_EQ(ann["median_seconds"], 20.0);
  EXPECT_EQ(ann["gold_rate"], 1.0);
  EXPECT_EQ(ann["signs"], OrderedJson::array());
  EXPECT_EQ(bob["commonest_share"], 1.0);
  EXPECT_EQ(bob["gold_rate"], 0.0);
  EXPECT_EQ(bob["agreement"], 0.0);
  EXPECT_EQ(bob["signs"], OrderedJson({"too_fast", "constant", "fails_gold"}));
}

// Edits that earlier versions stored have no seconds.
TEST_P(JudgementTest, AnEditWithoutSecondsLeavesThoseOfTheAnswer) {
  OrderedJson slow = answer("ann", "abc", "a");
  slow["seconds_spent"] = 20;
  const OrderedJson made = add({{slow, answer("bob", "abc", "a")}});
  const auto record = get("lead", "/api/v1/records/" + made[0]["id"].get<std::string>());
  std::string id;
  for (const OrderedJson& one : record.body.at("responses")) {
    if (one["user_id"] == ids_["ann"]) id = one["id"];
  }
  slow.erase("user_id");
  slow.erase("seconds_spent");
  slow["values"]["kind"]["value"] = "b";
  const std::string path = "/api/v1/responses/" + id;
  ASSERT_EQ(put("ann", path, slow).status, 200);
  const auto blanked = database().write([](store::Connection& c) {
    return c.run("UPDATE response_history SET seconds_spent = NULL, shown_order = NULL WHERE "
                 "action = 'updated' RETURNING number");
  });
  ASSERT_EQ(blanked.value().size(), 1U);
  const auto seconds = [&] {
    return get("rev", dataset("/annotators?question=kind")).body["items"][0]["median_seconds"];
  };
  EXPECT_EQ(seconds(), 20.0);
}

TEST_P(JudgementTest, BiasOfPlaceAndLength) {
  domain::Schema schema;
  schema.dataset.published = true;
  schema.fields = {domain::field("prompt", true, R"({"type":"text","use_markdown":false})"),
                   domain::field("a", true, R"({"type":"text","use_markdown":false})"),
                   domain::field("b", true, R"({"type":"text","use_markdown":false})")};
  schema.questions = {domain::question(
      "rank", true,
      R"({"type":"ranking","options":[{"value":"a","text":"A"},{"value":"b","text":"B"}]})")};
  schema = new_dataset(schema);
  OrderedJson items = OrderedJson::array();
  // Whatever is shown first is preferred, and the longer text in three of four.
  for (int i = 0; i < 8; ++i) {
    const std::string best = i % 2 == 0 ? "a" : "b", other = i % 2 == 0 ? "b" : "a";
    const bool longer = i < 6;
    items.push_back({{"fields",
                      {{"prompt", "p"},
                       {best, longer ? "äöüß" : "x"},
                       {other, longer ? "y" : "zz"}}},
                     {"responses",
                      {{{"user_id", ids_["owner"]},
                        {"status", "submitted"},
                        {"shown_order", {best, other}},
                        {"values", {{"rank", {{"value", ranking(best + other)}}}}}}}}});
  }
  const auto made =
      put("owner", "/api/v1/datasets/" + schema.dataset.id + "/records/bulk", {{"items", items}});
  ASSERT_EQ(made.status, 200) << made.text;
  const auto reply = get("owner", of(schema, "/bias"));
  ASSERT_EQ(reply.status, 200) << reply.text;
  const OrderedJson& position = reply.body["position"];
  EXPECT_EQ(position["choices"], 8);
  EXPECT_EQ(position["first_chosen"], 8);
  EXPECT_NEAR(position["p_value"].get<double>(), 2 * std::pow(0.5, 8), 1e-12);
  EXPECT_EQ(position["mean_rank_by_place"], OrderedJson({1.0, 2.0}));
  const OrderedJson& length = reply.body["length"];
  EXPECT_EQ(length["longer"], 6);
  EXPECT_EQ(length["shorter"], 2);
  EXPECT_EQ(length["mean_difference"], (6 * 3.0 - 2 * 1.0) / 8) << "in characters, not bytes";
  const OrderedJson bare = get("owner", of(schema, "/bias?resamples=0")).body;
  for (const OrderedJson& share :
       {bare["position"]["first_share"], bare["length"]["longer_share"]}) {
    EXPECT_TRUE(share["value"].is_number()) << share;
    EXPECT_TRUE(share["low"].is_null() && share["standard_error"].is_null()) << share;
  }
  EXPECT_EQ(get("rev", dataset("/bias?question=note")).status, 422);
  EXPECT_TRUE(get("rev", dataset("/bias")).body["length"].is_null()) << "no field has that name";
}

TEST_P(JudgementTest, ARecordOfWhichOneOptionWasRankedHasARankingOfOne) {
  domain::Schema schema;
  schema.dataset.published = true;
  schema.fields = {domain::field("prompt", true, R"({"type":"text","use_markdown":false})")};
  schema.questions = {domain::question("rank", true, R"({"type":"ranking","allow_partial":true,
      "options":[{"value":"a","text":"A"},{"value":"b","text":"B"}]})")};
  schema = new_dataset(schema);
  OrderedJson items = OrderedJson::array();
  for (const char* order : {"b", "ab"}) {
    items.push_back({{"fields", {{"prompt", order}}},
                     {"responses",
                      {{{"user_id", ids_["owner"]},
                        {"status", "submitted"},
                        {"values", {{"rank", {{"value", ranking(order)}}}}}}}}});
  }
  const auto made =
      put("owner", "/api/v1/datasets/" + schema.dataset.id + "/records/bulk", {{"items", items}});
  ASSERT_EQ(made.status, 200) << made.text;
  for (const std::string method : {"bradley_terry", "plackett_luce"}) {
    const auto reply = get("owner", of(schema, "/aggregate?method=" + method));
    ASSERT_EQ(reply.status, 200) << reply.text;
    const OrderedJson one = reply.body["items"][0]["ranking"];
    ASSERT_EQ(one.size(), 1u) << reply.text;
    EXPECT_EQ(one[0]["value"], "b");
    EXPECT_EQ(reply.body["items"][1]["ranking"].size(), 2u);
  }
}

TEST_P(JudgementTest, PowerSaysHowManyComparisons) {
  const auto reply = get("ann", "/api/attune/v1/power?win_rate=0.6");
  ASSERT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["comparisons"], 194);
  EXPECT_GT(get("ann", "/api/attune/v1/power?win_rate=0.6&tie_rate=0.5").body["comparisons"], 194);
  EXPECT_EQ(get("ann", "/api/attune/v1/power?win_rate=0.5").status, 422);
  EXPECT_EQ(get("ann", "/api/attune/v1/power").status, 422);
}

TEST_P(JudgementTest, RefusalsSayWhatIsThere) {
  EXPECT_EQ(get("ann", dataset("/agreement")).status, 403);
  EXPECT_EQ(get("stranger", dataset("/annotators")).status, 403);
  const auto unknown = get("rev", dataset("/agreement?question=nothing"));
  EXPECT_EQ(unknown.status, 422);
  EXPECT_NE(unknown.text.find("`kind`"), std::string::npos) << unknown.text;
  EXPECT_EQ(get("rev", dataset("/agreement?questoin=kind")).status, 422);
  EXPECT_EQ(get("rev", dataset("/aggregate?question=kind")).status, 422) << "nobody answered";
  add_four();
  const auto misfit = get("rev", dataset("/aggregate?question=kind&method=plackett_luce"));
  EXPECT_EQ(misfit.status, 422);
  EXPECT_NE(misfit.text.find("dawid_skene"), std::string::npos) << misfit.text;
  EXPECT_EQ(get("rev", dataset("/aggregate?question=note")).status, 422);
}

}  // namespace
}  // namespace attune::api
