#include <gtest/gtest.h>

#include <set>

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class AssignmentTest : public testing::ApiTest {
 protected:
  std::string dataset(const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema_.dataset.id + more;
  }
  testing::Reply next(const std::string& who, int count = 1) {
    auto reply = post(who, dataset("/next"), {{"count", count}});
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply;
  }
  // The texts of the records that were given out.
  std::string texts(const testing::Reply& reply) {
    std::string all;
    for (const auto& item : reply.body["items"]) {
      all += item["record"]["fields"]["text"].get<std::string>() + " ";
    }
    return all;
  }
  std::string taken(const std::string& who, int count = 1) { return texts(next(who, count)); }

  void add_records(int count, const std::string& lang = "en") {
    OrderedJson items = OrderedJson::array();
    for (int i = 0; i < count; ++i) {
      std::string text = lang + std::to_string(made_++);
      items.push_back({{"fields", {{"text", text}}}, {"metadata", {{"lang", lang}}}});
    }
    for (const auto& record : upsert(items.dump())) {
      records_[record["fields"]["text"]] = record["id"];
    }
  }
  // Answers with a ranking whose best is `best`.
  void answer(const std::string& who, const std::string& text, const std::string& best = "a",
              const std::string& status = "submitted") {
    OrderedJson ranking = OrderedJson::array({{{"value", best}, {"rank", 1}}});
    for (const char* other : {"a", "b", "c"}) {
      if (other != best) ranking.push_back({{"value", other}, {"rank", ranking.size() + 1}});
    }
    auto reply = post(who, "/api/v1/records/" + records_.at(text) + "/responses",
                      {{"status", status}, {"values", {{"rank", {{"value", ranking}}}}}});
    EXPECT_EQ(reply.status, 201) << reply.text;
  }
  // A draft that says in which order the candidates were shown.
  testing::Reply sent_back(const std::string& who, const std::string& text,
                           const OrderedJson& shown) {
    return post(who, "/api/v1/records/" + records_.at(text) + "/responses",
                {{"status", "draft"}, {"values", nullptr}, {"shown_order", shown}});
  }
  OrderedJson rules(OrderedJson change) {
    auto reply = put("lead", dataset("/assignment"), change);
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body;
  }

  std::map<std::string, std::string> records_;  // text -> id
  int made_ = 0;
};

TEST_P(AssignmentTest, TwoPeopleDoNotGetOneRecordWhereOneAnswerIsWanted) {
  add_records(2);
  EXPECT_EQ(taken("ann"), "en0 ");
  EXPECT_EQ(taken("ann"), "en0 ");  // it is hers until she answers
  EXPECT_EQ(taken("bob"), "en1 ");
  EXPECT_EQ(taken("rev"), "");
  EXPECT_EQ(next("rev").body["reason"], "nothing_open");
  answer("ann", "en0");
  EXPECT_EQ(taken("ann"), "");
  EXPECT_EQ(del("bob", "/api/attune/v1/records/" + records_["en1"] + "/lease").status, 204);
  EXPECT_EQ(taken("ann"), "en1 ");
}

TEST_P(AssignmentTest, ALeaseThatRanOutIsGivenToOthers) {
  add_records(1);
  EXPECT_EQ(taken("ann"), "en0 ");
  // As if it had been taken long ago.
  auto past = database().write([&](store::Connection& c) {
    return c.run("UPDATE leases SET expires_at = '2020-01-01T00:00:00.000000'");
  });
  ASSERT_TRUE(past.ok());
  EXPECT_EQ(taken("bob"), "en0 ");
  EXPECT_EQ(taken("ann"), "");
}

TEST_P(AssignmentTest, ADraftComesBackToItsAuthorWhenItsLeaseRanOut) {
  add_records(4);
  answer("ann", "en2");
  EXPECT_EQ(taken("ann"), "en3 ");
  EXPECT_EQ(taken("ann", 2), "en3 en0 ");
  answer("ann", "en0", "a", "draft");
  EXPECT_EQ(taken("ann", 2), "en3 en0 ");  // hers as long as the lease
  const auto run_out = [&] {
    auto past = database().write([&](store::Connection& c) {
      return c.run("UPDATE leases SET expires_at = '2020-01-01T00:00:00.000000'");
    });
    ASSERT_TRUE(past.ok());
  };
  run_out();
  EXPECT_EQ(taken("ann", 3), "en0 en3 en1 ");  // what was begun comes first, and once
  run_out();
  EXPECT_EQ(taken("bob"), "en0 ");
  EXPECT_EQ(taken("ann", 3), "en3 en1 ");  // one answer is wanted, and bob has it in hand
  answer("bob", "en0");
  EXPECT_EQ(taken("ann", 3), "en3 en1 ");
}

TEST_P(AssignmentTest, OverlapGivesARecordToAsManyAsItWants) {
  add_records(1);
  rules({{"overlap", {{"min_submitted", 2}}}});
  EXPECT_EQ(taken("ann"), "en0 ");
  EXPECT_EQ(taken("bob"), "en0 ");
  EXPECT_EQ(taken("rev"), "");
  answer("ann", "en0");
  EXPECT_EQ(taken("rev"), "");
  answer("bob", "en0", "b", "discarded");  // counts for nothing here: another one is wanted
  EXPECT_EQ(taken("rev"), "en0 ");
}

TEST_P(AssignmentTest, DisagreementAsksForMoreUpToTheMost) {
  add_records(2);
  rules({{"overlap", {{"min_submitted", 2}, {"max", 3}, {"min_agreement", 0.9}}}});
  auto status = [&](const char* text) {
    return get("lead", "/api/v1/records/" + records_.at(text)).body["status"];
  };
  answer("ann", "en0", "a");
  answer("bob", "en0", "a");
  EXPECT_EQ(status("en0"), "completed");
  answer("ann", "en1", "a");
  answer("bob", "en1", "c");
  EXPECT_EQ(status("en1"), "pending");
  EXPECT_EQ(taken("rev"), "en1 ");
  EXPECT_EQ(taken("lead"), "");  // one more at a time
  answer("rev", "en1", "b");
  EXPECT_EQ(status("en1"), "completed");  // three is the most
  // Reckoned anew under another rule.
  rules({{"overlap", {{"min_submitted", 2}, {"max", 4}, {"min_agreement", 0.9}}}});
  EXPECT_EQ(status("en0"), "completed");
  EXPECT_EQ(status("en1"), "pending");
  rules({{"overlap", {{"min_submitted", 2}}}});
  EXPECT_EQ(status("en1"), "completed");
}

TEST_P(AssignmentTest, SkippedRecordsGoToOthers) {
  add_records(2);
  auto skip = [&](const char* text) {
    return post("ann", "/api/attune/v1/records/" + records_[text] + "/skip",
                {{"reason", "no idea"}});
  };
  rules({{"skips_max", 1}});
  EXPECT_EQ(taken("ann"), "en0 ");
  EXPECT_EQ(skip("en0").status, 201);
  EXPECT_EQ(taken("ann"), "en1 ");
  EXPECT_EQ(taken("bob"), "en0 ");
  EXPECT_EQ(skip("en1").status, 409);
  EXPECT_EQ(del("bob", "/api/attune/v1/records/" + records_["en0"] + "/lease").status, 204);
  EXPECT_EQ(del("ann", dataset("/skips")).body["taken_back"], 1);
  EXPECT_EQ(taken("ann", 2), "en1 en0 ");
}

TEST_P(AssignmentTest, QuotasOfPeopleAndGroups) {
  add_records(6);
  rules({{"quota", 1},
         {"quotas", {{ids_["bob"], 2}}},
         {"groups", {{{"name", "g"}, {"members", {ids_["bob"], ids_["rev"]}}, {"quota", 2}}}}});
  answer("ann", "en0");
  EXPECT_EQ(next("ann").body["reason"], "quota_reached");
  answer("bob", "en1");
  EXPECT_EQ(taken("bob", 5), "en2 ");  // one is left of two
  answer("rev", "en3");
  EXPECT_EQ(next("bob").body["reason"], "quota_reached");  // the group's
}

TEST_P(AssignmentTest, WhatAGroupsMembersHoldCountsTowardsItsQuota) {
  add_records(6);
  rules({{"groups", {{{"name", "g"}, {"members", {ids_["bob"], ids_["rev"]}}, {"quota", 3}}}}});
  EXPECT_EQ(taken("bob", 2), "en0 en1 ");
  EXPECT_EQ(taken("rev", 5), "en2 ");
  EXPECT_EQ(taken("bob", 2), "en0 en1 ");
  EXPECT_EQ(next("rev", 5).body["reason"], "quota_reached");
  answer("bob", "en0");
  EXPECT_EQ(taken("bob", 5), "en1 ");
  EXPECT_EQ(taken("rev", 5), "en2 ");
  // What is discarded, or given back, is free for the others.
  answer("bob", "en1", "a", "discarded");
  EXPECT_EQ(taken("rev", 5), "en2 en1 ");
}

TEST_P(AssignmentTest, AGroupWorksOnItsPart) {
  add_records(2, "en");
  add_records(2, "de");
  OrderedJson only = {{"property", "lang"}, {"terms", {"de"}}};
  rules({{"groups", {{{"name", "g"}, {"members", {ids_["ann"]}}, {"only", only}}}}});
  EXPECT_EQ(taken("ann", 4), "de2 de3 ");
  EXPECT_EQ(taken("bob", 4), "en0 en1 ");
}

TEST_P(AssignmentTest, WhoAnsweredManyGoesOnBehindThem) {
  add_records(4);
  rules({{"overlap", {{"min_submitted", 2}}}});
  answer("ann", "en1");
  EXPECT_EQ(taken("ann"), "en2 ");
  // Then from the start.
  answer("ann", "en2");
  answer("ann", "en3");
  EXPECT_EQ(taken("ann", 5), "en0 ");
}

TEST_P(AssignmentTest, CandidatesAreBlindAndTheirOrderIsKept) {
  add_records(1);
  auto suggested = put("lead", "/api/v1/records/" + records_["en0"] + "/suggestions",
                       {{"question_id", question_id("note")}, {"value", "x"}, {"agent", "gpt"},
                        {"score", 0.5}});
  ASSERT_EQ(suggested.status, 201) << suggested.text;
  auto first = next("ann").body["items"][0];
  EXPECT_EQ(first["record"]["suggestions"][0]["agent"], nullptr);
  EXPECT_EQ(first["record"]["suggestions"][0]["value"], "x");
  std::set<std::string> shown = first["shown_order"]["rank"];
  EXPECT_EQ(shown, (std::set<std::string>{"a", "b", "c"}));
  EXPECT_EQ(next("ann").body["items"][0]["shown_order"], first["shown_order"]);
  EXPECT_EQ(sent_back("ann", "en0", {{"rank", {"a", "b"}}}).status, 422);
  ASSERT_EQ(sent_back("ann", "en0", first["shown_order"]).status, 201);
  auto history = get("lead", "/api/attune/v1/records/" + records_["en0"] + "/responses/history");
  ASSERT_EQ(history.status, 200) << history.text;
  EXPECT_EQ(history.body["items"][0]["shown_order"], first["shown_order"]) << history.text;
  rules({{"blind", false}});
  add_records(1);
  EXPECT_EQ(to_line(next("bob").body["items"][0]["shown_order"]), R"({"rank":["a","b","c"]})");
}

TEST_P(AssignmentTest, TheOrderShownIsAPermutationOfTheOptions) {
  add_records(1);
  const auto refused = [&](const OrderedJson& shown) {
    const auto reply = sent_back("bob", "en0", shown);
    EXPECT_EQ(reply.status, 422) << shown << reply.text;
    return reply.text;
  };
  EXPECT_NE(refused({{"rank", {"a", "b", "b"}}}).find("each of the options"), std::string::npos);
  EXPECT_NE(refused({{"rank", "a"}}).find("each of the options"), std::string::npos);
  EXPECT_NE(refused({{"note", {"a"}}}).find("'note' is no question"), std::string::npos);
  EXPECT_NE(refused({{"nobody", {"a"}}}).find("'nobody' is no question"), std::string::npos);
  EXPECT_NE(refused({"a", "b"}).find("each of the options"), std::string::npos);
  EXPECT_NE(refused("abc").find("list_type"), std::string::npos);
  OrderedJson record = {{"fields", {{"text", "en0"}}}, {"external_id", "x"}};
  record["responses"] = {{{"user_id", ids_["ann"]}, {"status", "draft"}, {"shown_order", {"a"}}}};
  EXPECT_EQ(put("lead", records("/bulk"), {{"items", {record}}}).status, 422);
  EXPECT_EQ(sent_back("bob", "en0", {"c", "a", "b"}).status, 201);
  EXPECT_EQ(sent_back("rev", "en0", {{"rank", {"c", "a", "b"}}}).status, 201);
}

TEST_P(AssignmentTest, RulesAreCheckedAndForLeads) {
  EXPECT_EQ(put("ann", dataset("/assignment"), OrderedJson::object()).status, 403);
  EXPECT_EQ(get("ann", dataset("/assignment")).status, 403);
  EXPECT_EQ(get("rev", dataset("/assignment")).status, 200);
  EXPECT_EQ(to_line(get("lead", dataset("/assignment")).body),
            R"({"overlap":{"min_submitted":1,"max":null,"min_agreement":0.0,)"
            R"("discards_complete":false},"lease_seconds":900,"quota":null,"quotas":{},)"
            R"("skips_max":null,"blind":true,"onboarding":null,"groups":[]})");
  for (const char* bad :
       {R"({"lease_seconds":0})", R"({"overlap":{"min_submitted":3,"max":2}})", R"({"quotta":1})",
        R"({"groups":[{"name":"g","members":[]}]})", R"({"quotas":{"x":1}})"}) {
    EXPECT_EQ(put("lead", dataset("/assignment"), domain::json(bad)).status, 422) << bad;
  }
  auto stranger = put("lead", dataset("/assignment"),
                      {{"groups", {{{"name", "g"}, {"members", {ids_["stranger"]}}}}}});
  EXPECT_EQ(stranger.body["detail"],
            "User with id `" + ids_["stranger"] + "` is no member of the workspace");
  EXPECT_EQ(post("stranger", dataset("/next"), OrderedJson::object()).status, 403);
}

INSTANTIATE_BOTH_DATABASES(AssignmentTest);

}  // namespace
}  // namespace attune::api
