// Versions of guidelines, projects and additions to published data sets.
#include <gtest/gtest.h>

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class ProjectsTest : public testing::ApiTest {
 protected:
  std::string dataset(const std::string& more = "") const {
    return "/api/v1/datasets/" + schema_.dataset.id + more;
  }
  std::string beyond(const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema_.dataset.id + more;
  }
  void reword(const OrderedJson& guidelines) {
    auto reply = patch("lead", dataset(), {{"guidelines", guidelines}});
    ASSERT_EQ(reply.status, 200) << reply.text;
  }
  OrderedJson new_project(const std::string& name) {
    auto reply = post("lead", "/api/attune/v1/projects",
                      {{"name", name}, {"workspace_id", schema_.dataset.workspace_id}});
    EXPECT_EQ(reply.status, 201) << reply.text;
    return reply.body;
  }
};

TEST_P(ProjectsTest, EachChangeOfGuidelinesIsAVersion) {
  EXPECT_EQ(get("ann", beyond("/guidelines")).body["items"].size(), 0u);
  reword("# Tone\nBe kind.\nGood: Dear all\n");
  reword("# Tone\nBe kind.\nGood: Dear all\n");  // no change, no version
  reword("# Tone\nBe polite.\n# Length\nShort.\n");
  reword(nullptr);
  auto list = get("ann", beyond("/guidelines"));
  ASSERT_EQ(list.body["items"].size(), 3u);
  EXPECT_EQ(list.body["items"][2]["characters"], 0);
  EXPECT_EQ(list.body["items"][0]["author_id"], ids_["lead"]);
  auto first = get("ann", beyond("/guidelines/1"));
  EXPECT_EQ(to_line(first.body["sections"]),
            R"([{"title":"Tone","level":1,"text":"Be kind.","examples":[{"good":true,)"
            R"("text":"Dear all"}]}])");
  auto diff = get("ann", beyond("/guidelines/diff?from=1&to=2"));
  EXPECT_EQ(to_line(diff.body),
            R"({"from":1,"to":2,"sections":[{"change":"changed","title":"Tone","lines":[)"
            R"({"change":"kept","text":"# Tone"},{"change":"removed","text":"Be kind."},)"
            R"({"change":"removed","text":"Good: Dear all"},{"change":"added","text":)"
            R"("Be polite."}]},{"change":"added","title":"Length","lines":[{"change":"added",)"
            R"("text":"# Length"},{"change":"added","text":"Short."}]}]})");
  EXPECT_EQ(get("ann", beyond("/guidelines/9")).status, 404);
  EXPECT_EQ(get("ann", beyond("/guidelines/x")).status, 422);
  EXPECT_EQ(get("ann", beyond("/guidelines/diff?from=1")).status, 422);
  EXPECT_EQ(get("stranger", beyond("/guidelines")).status, 403);
}

TEST_P(ProjectsTest, AnswersAreCountedByTheGuidelinesTheyWereGivenUnder) {
  auto items = upsert(R"([{"fields":{"text":"a"}},{"fields":{"text":"b"}}])");
  auto answer = [&](int record) {
    auto reply = post("ann", "/api/v1/records/" + items[record]["id"].get<std::string>() +
                                 "/responses",
                      domain::json(R"({"status":"draft","values":{"note":{"value":"x"}}})"));
    EXPECT_EQ(reply.status, 201) << reply.text;
  };
  reword("one");
  answer(0);
  reword("two");
  answer(1);
  auto list = get("ann", beyond("/guidelines?answers=true")).body["items"];
  EXPECT_EQ(list[0]["answers"], 1);
  EXPECT_EQ(list[1]["answers"], 1);
}

TEST_P(ProjectsTest, HaveDataSetsUnderCommonGuidelines) {
  const OrderedJson project = new_project("support");
  const std::string path = "/api/attune/v1/projects/" + project["id"].get<std::string>();
  auto with = put("lead", path + "/datasets/" + schema_.dataset.id, {{"purpose", "preferences"}});
  ASSERT_EQ(with.status, 200) << with.text;
  EXPECT_EQ(with.body["datasets"][0]["id"], schema_.dataset.id);
  EXPECT_EQ(with.body["datasets"][0]["purpose"], "preferences");
  auto made = post("lead", path + "/guidelines", {{"text", "# Tone\nBe kind."}});
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["version"], 1);
  EXPECT_EQ(get("ann", dataset()).body["guidelines"], "# Tone\nBe kind.");
  EXPECT_EQ(get("ann", beyond("/guidelines")).body["items"].size(), 1u);
  EXPECT_EQ(get("ann", path).body["guidelines"]["sections"][0]["title"], "Tone");

  auto draft = post("lead", "/api/v1/datasets",
                    {{"name", "late"}, {"workspace_id", schema_.dataset.workspace_id}});
  const std::string late = draft.body["id"];
  EXPECT_EQ(put("lead", path + "/datasets/" + late, {{"purpose", "prompts"}}).status, 200);
  EXPECT_EQ(get("ann", "/api/v1/datasets/" + late).body["guidelines"], "# Tone\nBe kind.");
  EXPECT_EQ(del("lead", path + "/datasets/" + late).body["datasets"].size(), 1u);
  EXPECT_EQ(del("lead", path + "/datasets/" + late).status, 404);

  EXPECT_EQ(del("lead", path).status, 200);
  EXPECT_EQ(get("lead", path).status, 404);
  EXPECT_EQ(get("ann", dataset()).status, 200);  // its data sets stay
}

TEST_P(ProjectsTest, AreRefusedWithReasons) {
  const OrderedJson project = new_project("one");
  new_project("two");
  const std::string path = "/api/attune/v1/projects/" + project["id"].get<std::string>();
  EXPECT_EQ(patch("lead", path, {{"name", "two"}}).status, 409);
  EXPECT_EQ(patch("lead", path, {{"nmae", "three"}}).status, 422);  // beyond the contract: mistyped
  EXPECT_EQ(patch("lead", path, {{"description", "d"}}).body["description"], "d");
  EXPECT_EQ(patch("ann", path, {{"name", "three"}}).status, 403);
  EXPECT_EQ(get("stranger", path).status, 403);
  EXPECT_EQ(get("ann", "/api/attune/v1/projects").body["items"].size(), 2u);
  EXPECT_EQ(get("stranger", "/api/attune/v1/projects").body["items"].size(), 0u);
  EXPECT_EQ(put("lead", path + "/datasets/" + schema_.dataset.id, {{"purpose", "fun"}}).status,
            422);
  domain::Schema elsewhere = new_dataset();
  auto other = put("owner", path + "/datasets/" + elsewhere.dataset.id, OrderedJson::object());
  EXPECT_EQ(other.status, 422);
}

TEST_P(ProjectsTest, APublishedDataSetGrowsAndKeepsItsAnswers) {
  auto items = upsert(R"([{"fields":{"text":"a"}}])");
  const std::string record = "/api/v1/records/" + items[0]["id"].get<std::string>();
  const OrderedJson ranking = domain::json(
      R"({"status":"submitted","values":{"rank":{"value":[{"value":"b","rank":1},)"
      R"({"value":"a","rank":2},{"value":"c","rank":2}]}}})");
  ASSERT_EQ(post("ann", record + "/responses", ranking).status, 201);

  EXPECT_EQ(post("lead", beyond("/fields"),
                 domain::json(R"({"name":"hint","title":"H","settings":{"type":"text"}})"))
                .status,
            201);
  EXPECT_EQ(post("lead", beyond("/fields"),
                 domain::json(R"({"name":"must","title":"M","required":true,)"
                              R"("settings":{"type":"text"}})"))
                .status,
            422);
  auto question = post("lead", beyond("/questions"),
                       domain::json(R"({"name":"why","title":"W","required":true,)"
                                    R"("settings":{"type":"text"}})"));
  ASSERT_EQ(question.status, 201) << question.text;
  auto option = post("lead", "/api/attune/v1/questions/" + question_id("rank") + "/options",
                     {{"value", "d"}, {"text", "D"}, {"at", 0}});
  ASSERT_EQ(option.status, 201) << option.text;
  EXPECT_EQ(option.body["settings"]["options"][0]["value"], "d");

  auto kept = get("lead", record).body;
  EXPECT_EQ(kept["status"], "completed");
  EXPECT_EQ(kept["responses"][0]["values"]["rank"]["value"].size(), 3u);
  // New answers meet the new rules.
  auto old_style = post("bob", record + "/responses", ranking);
  EXPECT_EQ(old_style.body["detail"],
            "missing response value for required question with name='why'");
  const std::string why = "/api/attune/v1/questions/" + question.body["id"].get<std::string>();
  EXPECT_EQ(patch("lead", why, {{"required", false}}).status, 200);
  EXPECT_EQ(post("bob", record + "/responses", ranking).body["detail"],
            "ranking question expects a list containing 4 values, found a list of 3 values");
  EXPECT_EQ(patch("ann", why, {{"required", true}}).status, 403);
}

// There a person mistyped; what SDKs send below /api/v1 is passed over.
TEST_P(ProjectsTest, UnknownKeysAreRefusedBeyondTheContract) {
  const OrderedJson field = domain::json(R"({"name":"hint","title":"H","requried":true,)"
                                         R"("settings":{"type":"text","use_makrdown":true}})");
  for (const char* path : {"/fields", "/questions"}) {
    const auto refused = post("lead", beyond(path), field);
    EXPECT_EQ(refused.status, 422) << path;
    EXPECT_NE(refused.text.find("requried"), std::string::npos) << refused.text;
    EXPECT_NE(refused.text.find("use_makrdown"), std::string::npos) << refused.text;
  }
  const std::string diff = beyond("/guidelines/diff?from=1&to=2");
  EXPECT_EQ(get("lead", diff).status, 404);
  EXPECT_EQ(get("lead", diff + "&context=3").status, 422);
  domain::Schema draft = domain::schema_of_everything();
  draft.dataset.published = false;
  const std::string contract = "/api/v1/datasets/" + new_dataset(draft).dataset.id;
  EXPECT_EQ(post("owner", contract + "/fields", field).status, 201);
  EXPECT_EQ(post("owner", contract + "/questions", field).status, 201);
}

INSTANTIATE_BOTH_DATABASES(ProjectsTest);

}  // namespace
}  // namespace attune::api
