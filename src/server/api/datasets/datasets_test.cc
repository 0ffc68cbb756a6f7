#include <gtest/gtest.h>

#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class DatasetsTest : public testing::ApiTest {
 protected:
  std::string dataset(const std::string& more = "") const {
    return "/api/v1/datasets/" + schema_.dataset.id + more;
  }
  OrderedJson new_draft(const std::string& name = "draft") {
    auto reply = post("lead", "/api/v1/datasets",
                      {{"name", name}, {"workspace_id", schema_.dataset.workspace_id}});
    EXPECT_EQ(reply.status, 201) << reply.text;
    return reply.body;
  }
  // What the schema's mistakes say, in one line.
  static std::string mistakes(const testing::Reply& reply) {
    if (reply.status != 422 || !reply.body["detail"].is_object()) {
      return std::to_string(reply.status) + " " + reply.text;
    }
    std::string all;
    for (const auto& one : reply.body["detail"]["params"]["errors"]) {
      all += one["loc"].dump() + " " + one["type"].get<std::string>() + "; ";
    }
    return all;
  }
};

TEST_P(DatasetsTest, AreListedForTheirMembers) {
  new_draft();
  auto mine = get("ann", "/api/v1/me/datasets");
  ASSERT_EQ(mine.status, 200);
  ASSERT_EQ(mine.body["items"].size(), 2u);
  EXPECT_EQ(mine.body["items"][0]["id"], schema_.dataset.id);
  EXPECT_EQ(mine.body["items"][1]["name"], "draft");
  EXPECT_EQ(get("stranger", "/api/v1/me/datasets").body["items"].size(), 0u);
  EXPECT_EQ(get("owner", "/api/v1/me/datasets").body["items"].size(), 2u);
  EXPECT_EQ(get("lead", "/api/v1/me/datasets?status=draft").body["items"][0]["name"], "draft");
  EXPECT_EQ(get("lead", "/api/v1/me/datasets?name=draft").body["items"].size(), 1u);
  std::string of = "/api/v1/me/datasets?workspace_id=" + schema_.dataset.workspace_id;
  EXPECT_EQ(get("lead", of).body["items"].size(), 2u);
  EXPECT_EQ(get("stranger", of).status, 403);
}

TEST_P(DatasetsTest, RolesOfEveryEndpoint) {
  struct Row {
    http::Method method;
    std::string path;
    OrderedJson body;
  };
  using enum http::Method;
  const std::string question = "/api/v1/questions/" + schema_.questions[0].id;
  const std::string field = "/api/v1/fields/" + schema_.fields[0].id;
  const std::string property =
      "/api/v1/metadata-properties/" + schema_.metadata_properties[0].id;
  const std::string vector = "/api/v1/vectors-settings/" + schema_.vectors[0].id;
  OrderedJson title = {{"title", "T"}};
  for (const Row& row : std::vector<Row>{
           {kPatch, dataset(), {{"name", "n"}}}, {kPatch, question, title}, {kPatch, field, title},
           {kPatch, property, title}, {kPatch, vector, title}}) {
    EXPECT_EQ(call("ann", row.method, row.path, row.body).status, 403) << row.path;
    EXPECT_EQ(call("rev", row.method, row.path, row.body).status, 403) << row.path;
    EXPECT_EQ(call("stranger", row.method, row.path, row.body).status, 403) << row.path;
    EXPECT_EQ(call("", row.method, row.path, row.body).status, 401) << row.path;
    EXPECT_EQ(call("lead", row.method, row.path, row.body).status, 200) << row.path;
    EXPECT_EQ(call("owner", row.method, row.path, row.body).status, 200) << row.path;
  }
  for (const std::string& path :
       {dataset(), dataset("/fields"), dataset("/questions"), dataset("/vectors-settings"),
        "/api/v1/me/datasets/" + schema_.dataset.id + "/metadata-properties", dataset("/progress"),
        dataset("/users/progress"), "/api/v1/me/datasets/" + schema_.dataset.id + "/metrics"}) {
    EXPECT_EQ(get("ann", path).status, 200) << path;
    EXPECT_EQ(get("stranger", path).status, 403) << path;
  }
  for (const std::string& path : {dataset("/publish"), dataset()}) {
    EXPECT_EQ(call("ann", path == dataset() ? kDelete : kPut, path).status, 403) << path;
  }
}

TEST_P(DatasetsTest, WhatIsNotThere) {
  const std::string id = domain::new_id();
  for (auto [path, what] : {std::pair("/datasets/", "Dataset"), std::pair("/fields/", "Field"),
                            std::pair("/questions/", "Question"),
                            std::pair("/metadata-properties/", "MetadataProperty"),
                            std::pair("/vectors-settings/", "VectorSettings")}) {
    auto reply = del("lead", "/api/v1" + std::string(path) + id);
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.body["detail"], std::string(what) + " with id `" + id + "` not found");
  }
}

TEST_P(DatasetsTest, ChangesAreChecked) {
  OrderedJson none = nullptr;
  EXPECT_EQ(mistakes(patch("lead", dataset(), {{"distribution", none}})),
            R"(["body"] value_error; )");
  EXPECT_EQ(mistakes(patch("lead", dataset(), {{"name", ""}})),
            R"(["body","name"] string_too_short; )");
  EXPECT_EQ(mistakes(patch("lead", dataset(), {{"guidelines", std::string(10'001, 'x')}})),
            R"(["body","guidelines"] string_too_long; )");
  EXPECT_EQ(mistakes(patch("lead", dataset(),
                           {{"distribution", {{"strategy", "none"}, {"min_submitted", 1}}}})),
            R"(["body","distribution","strategy"] literal_error; )");
  new_draft("other");
  auto taken = patch("lead", dataset(), {{"name", "other"}});
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.body["detail"],
            "Dataset with name `other` already exists for workspace with id `" +
                schema_.dataset.workspace_id + "`");
}

TEST_P(DatasetsTest, MetadataOfADatasetIsMerged) {
  patch("lead", dataset(), {{"metadata", {{"a", 1}, {"b", 2}}}});
  auto merged = patch("lead", dataset(), {{"metadata", {{"b", 3}}}});
  EXPECT_EQ(merged.body["metadata"], (OrderedJson{{"a", 1}, {"b", 3}}));
  EXPECT_EQ(patch("lead", dataset(), {{"metadata", nullptr}}).body["metadata"], nullptr);
}

TEST_P(DatasetsTest, SettingsAreKeptAsTheSdksIndexThem) {
  const std::string id = new_draft()["id"];
  auto add = [&](const std::string& kind, const std::string& body) {
    auto reply = post("lead", "/api/v1/datasets/" + id + kind, domain::json(body));
    return reply.status == 201 ? to_line(reply.body["settings"]) : mistakes(reply);
  };
  EXPECT_EQ(add("/fields", R"({"name":"a","title":"A","settings":{"type":"chat"}})"),
            R"({"type":"chat","use_markdown":true})");
  EXPECT_EQ(
      add("/fields", R"({"name":"b","title":"B","settings":{"type":"custom","template":"t"}})"),
      R"({"type":"custom","template":"t","advanced_mode":false})");
  EXPECT_EQ(add("/fields", R"({"name":"c","title":"C","settings":{"type":"custom"}})"),
            R"(["body","settings","custom","template"] missing; )");
  EXPECT_EQ(add("/fields", R"({"name":"t","title":"T","settings":{"type":"text","x":null}})"),
            R"({"type":"text","use_markdown":false})");
  std::string ab = R"([{"value":"a","text":"A"},{"value":"b","text":"B","description":"d"}])";
  std::string options = R"([{"value":"a","text":"A","description":null},)"
                        R"({"value":"b","text":"B","description":"d"}])";
  auto ask = [&](const std::string& name, const std::string& settings) {
    return add("/questions",
               R"({"name":")" + name + R"(","title":"Q","settings":)" + settings + "}");
  };
  EXPECT_EQ(ask("m", R"({"type":"multi_label_selection","options":)" + ab + "}"),
            R"({"type":"multi_label_selection","options":)" + options +
                R"(,"visible_options":null,"options_order":"natural"})");
  EXPECT_EQ(ask("s", R"({"type":"span","field":"t","options":)" + ab + "}"),
            R"({"type":"span","field":"t","options":)" + options +
                R"(,"visible_options":null,"allow_overlapping":false,)"
                R"("allow_character_annotation":true})");
  EXPECT_EQ(ask("l", R"({"type":"label_selection","visible_options":2,"options":)" + ab + "}"),
            R"(["body","settings","label_selection","visible_options"] greater_than_equal; )");
  EXPECT_EQ(ask("l", R"({"type":"label_selection","visible_options":3,"options":)" + ab + "}"),
            R"(["body","settings","label_selection"] value_error; )");
  EXPECT_EQ(
      ask("o", R"({"type":"multi_label_selection","options_order":"x","options":)" + ab + "}"),
      R"(["body","settings","multi_label_selection","options_order"] enum; )");
  EXPECT_EQ(ask("r", R"({"type":"ranking","allow_partial":true,"options":)" + ab + "}"),
            R"({"type":"ranking","options":)" + options + R"(,"allow_partial":true})");
  auto declare = [&](const std::string& name, const std::string& settings) {
    return add("/metadata-properties",
               R"({"name":")" + name + R"(","title":"M","settings":)" + settings + "}");
  };
  EXPECT_EQ(declare("b", R"({"type":"terms","values":[true,false],"visible_for_annotators":true})"),
            R"({"type":"terms","values":[true,false]})");
  EXPECT_EQ(declare("i", R"({"type":"integer","min":1})"),
            R"({"type":"integer","min":1,"max":null})");
  EXPECT_EQ(declare("f", R"({"type":"float","min":0,"max":1})"),
            R"({"type":"float","min":0.0,"max":1.0})");
  EXPECT_EQ(declare("t", R"({"type":"terms","values":[]})"),
            R"(["body","settings","terms","values"] too_short; )");
}

TEST_P(DatasetsTest, HiddenMetadataPropertiesAreForLeads) {
  const std::string path = "/api/v1/metadata-properties/" + schema_.metadata_properties[0].id;
  EXPECT_EQ(patch("lead", path, {{"visible_for_annotators", false}}).status, 200);
  const std::string list = "/api/v1/me/datasets/" + schema_.dataset.id + "/metadata-properties";
  EXPECT_EQ(get("ann", list).body["items"].size(), 4u);
  EXPECT_EQ(get("lead", list).body["items"].size(), 5u);
  EXPECT_EQ(get("ann", path + "/metrics").status, 403);
  EXPECT_EQ(get("lead", path + "/metrics").status, 200);
}

TEST_P(DatasetsTest, ProgressAndMetricsCountRecordsAndAnswers) {
  auto items = upsert(R"([{"fields":{"text":"a"},"metadata":{"lang":["en","de"],"count":3}},
                          {"fields":{"text":"b"},"metadata":{"lang":"en","count":7}},
                          {"fields":{"text":"c"}}])");
  auto answer = [&](const char* who, int record, const char* status) {
    OrderedJson values = domain::json(
        R"({"rank":{"value":[{"value":"a"},{"value":"b"},{"value":"c"}]}})");
    auto reply =
        post(who, "/api/v1/records/" + items[record]["id"].get<std::string>() + "/responses",
             {{"status", status}, {"values", values}});
    EXPECT_EQ(reply.status, 201) << reply.text;
  };
  answer("ann", 0, "submitted");
  answer("ann", 1, "discarded");
  answer("bob", 1, "draft");
  EXPECT_EQ(to_line(get("lead", dataset("/progress")).body),
            R"({"total":3,"completed":1,"pending":2,"users":[{"username":"ann"},)"
            R"({"username":"bob"}]})");
  EXPECT_EQ(to_line(get("lead", dataset("/users/progress")).body["users"][0]),
            R"({"username":"ann","completed":{"submitted":1,"discarded":0,"draft":0},)"
            R"("pending":{"submitted":0,"discarded":1,"draft":0}})");
  EXPECT_EQ(to_line(get("ann", "/api/v1/me/datasets/" + schema_.dataset.id + "/metrics").body),
            R"({"records":{"count":3},"responses":{"count":2,"total":3,"submitted":1,)"
            R"("discarded":1,"draft":0,"pending":1}})");
  const std::string properties = "/api/v1/metadata-properties/";
  EXPECT_EQ(to_line(get("ann", properties + schema_.metadata_properties[0].id + "/metrics").body),
            R"({"type":"terms","total":3,"values":[{"term":"en","count":2},)"
            R"({"term":"de","count":1}]})");
  EXPECT_EQ(to_line(get("ann", properties + schema_.metadata_properties[3].id + "/metrics").body),
            R"({"type":"integer","min":3,"max":7})");
  EXPECT_EQ(to_line(get("ann", properties + schema_.metadata_properties[4].id + "/metrics").body),
            R"({"type":"float","min":null,"max":null})");

  auto refused = patch("lead", dataset(),
                       {{"distribution", {{"strategy", "overlap"}, {"min_submitted", 2}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(to_line(refused.body),
            R"({"code":"update_distribution_with_existing_responses","message":"Distribution )"
            R"(settings can't be modified for a dataset containing user responses"})");
  auto same = patch("lead", dataset(),
                    {{"distribution", {{"strategy", "overlap"}, {"min_submitted", 1}}}});
  EXPECT_EQ(same.status, 200);
  auto discards = patch("lead", dataset(),
                        {{"distribution", {{"strategy", "overlap"}, {"min_submitted", 1},
                                           {"discards_complete", true}}}});
  EXPECT_EQ(discards.status, 200) << discards.text;
  EXPECT_EQ(discards.body["distribution"]["discards_complete"], true);
  EXPECT_EQ(get("lead", dataset("/progress")).body["completed"], 2);
}

TEST_P(DatasetsTest, APropertyDeclaredLateKnowsTheRecordsThatAreThere) {
  upsert(R"([{"fields":{"text":"a"},"metadata":{"late":"x"}},
             {"fields":{"text":"b"},"metadata":{"late":"y"}}])");
  auto made = post("lead", dataset("/metadata-properties"),
                   domain::json(R"({"name":"late","title":"L","settings":{"type":"terms"}})"));
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string path = "/api/v1/metadata-properties/" + made.body["id"].get<std::string>();
  EXPECT_EQ(get("lead", path + "/metrics").body["total"], 2);
  EXPECT_EQ(del("lead", path).status, 200);
  EXPECT_EQ(get("lead", path + "/metrics").status, 404);
}

TEST_P(DatasetsTest, DeletingLeavesNothingOfTheRecords) {
  upsert(R"([{"fields":{"text":"a"},"metadata":{"lang":"en"},"vectors":{"v":[1,2]},
              "responses":[{"user_id":")" +
         ids_["ann"] + R"(","status":"draft","values":{"note":{"value":"x"}}}]}])");
  ASSERT_EQ(del("lead", dataset()).status, 200);
  EXPECT_EQ(get("lead", dataset()).status, 404);
  for (const char* table : {"records", "metadata_values", "suggestions", "responses",
                            "answer_values", "record_vectors", "fields", "questions"}) {
    auto rows = database().read([&](store::Connection& c) {
      return c.run(std::string("SELECT COUNT(*) FROM ") + table);
    });
    EXPECT_EQ(rows.value()[0].integer(0), 0) << table;
  }
}

INSTANTIATE_BOTH_DATABASES(DatasetsTest);

}  // namespace
}  // namespace attune::api
