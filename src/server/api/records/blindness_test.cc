#include "server/api/records/blindness.h"

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

class BlindnessApi : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    const std::string suggestion =
        R"({"question_id":")" + question_id("note") +
        R"(","value":"x","agent":"model-7","type":"model","score":0.625})";
    record_ = upsert(R"([{"fields":{"text":"one"},"suggestions":[)" + suggestion + "]}]")[0]["id"];
  }
  void set_rules(bool blind) {
    const auto set = put("lead", "/api/attune/v1/datasets/" + schema_.dataset.id + "/assignment",
                         {{"blind", blind}});
    ASSERT_EQ(set.status, 200) << set.text;
  }
  // All that a person is told of the suggestion, by every call that tells of it.
  std::string told(const std::string& as) {
    std::string all;
    const auto add = [&](const testing::Reply& reply) {
      EXPECT_EQ(reply.status, 200) << reply.text;
      all += reply.text;
    };
    const std::string mine = "/api/v1/me/datasets/" + schema_.dataset.id + "/records";
    add(get(as, "/api/v1/records/" + record_));
    add(get(as, "/api/v1/records/" + record_ + "/suggestions"));
    add(get(as, mine + "?include=suggestions"));
    add(post(as, mine + "/search?include=suggestions", OrderedJson::object()));
    add(get(as, records("/search/suggestions/options")));
    return all;
  }
  static size_t count(const std::string& text, const std::string& word) {
    size_t found = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      ++found;
    }
    return found;
  }
  static OrderedJson by_agent() {
    return json(R"({"filters":{"and":[{"type":"terms","scope":{"entity":"suggestion",)"
                R"("question":"note","property":"agent"},"values":["model-7"]}]}})");
  }
  testing::Reply search(const std::string& as, const OrderedJson& body) {
    return post(as, "/api/v1/me/datasets/" + schema_.dataset.id + "/records/search", body);
  }

  std::string record_;
};

TEST_P(BlindnessApi, WithoutRulesAllIsToldAsTheContractSays) {
  EXPECT_EQ(count(told("ann"), "model-7"), 5U);
  EXPECT_EQ(count(told("ann"), "0.625"), 4U);
  EXPECT_EQ(search("ann", by_agent()).status, 200);
}

TEST_P(BlindnessApi, NoCallTellsAnAnnotatorWhoSuggested) {
  set_rules(true);
  const std::string all = told("ann");
  EXPECT_EQ(count(all, "model-7"), 0U) << all;
  EXPECT_EQ(count(all, "0.625"), 0U) << all;
  EXPECT_EQ(count(all, R"("type":"model")"), 0U) << all;
  EXPECT_EQ(count(all, R"("value":"x")"), 4U) << "the suggestion itself is shown";
  EXPECT_EQ(count(told("rev"), "model-7"), 5U) << "who sees others' answers sees who suggested";
  EXPECT_EQ(count(told("lead"), "model-7"), 5U);
  set_rules(false);
  EXPECT_EQ(count(told("ann"), "model-7"), 5U);
}

TEST_P(BlindnessApi, SearchDoesNotTellItEither) {
  set_rules(true);
  const OrderedJson by_score = json(R"({"sort":[{"scope":{"entity":"suggestion",)"
                                    R"("question":"note","property":"score"},"order":"asc"}]})");
  for (const OrderedJson& body : {by_agent(), by_score}) {
    const auto refused = search("ann", body);
    EXPECT_EQ(refused.status, 422);
    EXPECT_NE(refused.text.find("blind"), std::string::npos) << refused.text;
    EXPECT_EQ(search("rev", body).status, 200);
  }
}

TEST_P(BlindnessApi, CommentsOfOthersAreReadAfterOnesAnswer) {
  const std::string comments = "/api/attune/v1/records/" + record_ + "/comments";
  ASSERT_EQ(post("bob", comments, {{"text", "the first is better"}}).status, 201);
  ASSERT_EQ(post("ann", comments, {{"text", "hm"}}).status, 201);
  const auto read = [&](const char* as) { return get(as, comments).body["items"].size(); };
  EXPECT_EQ(read("ann"), 2U);
  set_rules(true);
  EXPECT_EQ(read("ann"), 1U);
  EXPECT_EQ(read("rev"), 2U);
  const std::string answers = "/api/v1/records/" + record_ + "/responses";
  const auto draft = post("ann", answers, {{"status", "draft"}});
  ASSERT_EQ(draft.status, 201) << draft.text;
  EXPECT_EQ(read("ann"), 1U) << "a draft may still be changed by what others say";
  put("ann", "/api/v1/responses/" + draft.body["id"].get<std::string>(),
      {{"status", "discarded"}});
  EXPECT_EQ(read("ann"), 2U);
}

INSTANTIATE_BOTH_DATABASES(BlindnessApi);

}  // namespace
}  // namespace attune::api
