// Records over the API, against the exchanges recorded from the original (statuses, bodies, texts),
// and where it is done better.
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

class RecordsApi : public testing::ApiTest {
 protected:
  // What PUT bulk says to a good record and this one behind it.
  testing::Reply refused(const std::string& item) {
    return put("lead", records("/bulk"),
               {{"items", {json(R"({"fields":{"text":"good"}})"), json(item)}}});
  }
  void expect_refused(const std::string& item, const std::string& why) {
    const auto reply = refused(item);
    EXPECT_EQ(reply.status, 422) << item;
    EXPECT_EQ(reply.body["detail"], "Record at position 1 is not valid because " + why) << item;
  }
  int64_t total() { return get("lead", records()).body["total"].get<int64_t>(); }
};

TEST_P(RecordsApi, UpsertGivesRecordsInTheOrderOfTheRequest) {
  const auto items = upsert(R"([{"external_id":"e1","fields":{"text":"hello world"},
      "metadata":{"lang":"en","free":[1]},"vectors":{"v":[1,0]}},{"fields":{"text":""}}])");
  ASSERT_EQ(items.size(), 2U);
  OrderedJson first = items[0];
  for (const char* key : {"id", "inserted_at", "updated_at"}) {
    EXPECT_TRUE(first[key].is_string());
    first[key] = "";
  }
  EXPECT_EQ(to_line(first),
            R"({"id":"","status":"pending","fields":{"text":"hello world"},)"
            R"("metadata":{"lang":"en","free":[1]},"external_id":"e1","responses":[],)"
            R"("suggestions":[],"vectors":{"v":[1.0,0.0]},"dataset_id":")" +
                schema_.dataset.id + R"(","inserted_at":"","updated_at":""})");
  EXPECT_TRUE(items[1]["metadata"].is_null());
  EXPECT_TRUE(items[1]["external_id"].is_null());
  EXPECT_EQ(items[1]["vectors"], OrderedJson::object());
}

TEST_P(RecordsApi, WhatPostAndPutGiveIsWhatGetGivesLater) {
  const std::string item = R"({"external_id":"e1","fields":{"text":"a b"},
      "metadata":{"score":0.1},"vectors":{"v":[0.1,1e-7]},
      "suggestions":[{"question_id":")" + question_id("note") + R"(","value":"x","score":0.3}],
      "responses":[{"user_id":")" + ids_["ann"] + R"(","status":"draft",
                    "values":{"note":{"value":"y"}}}]})";
  const auto posted =
      post("lead", records("/bulk"), {{"items", OrderedJson::array({json(item)})}});
  ASSERT_EQ(posted.status, 201) << posted.text;
  const auto& made = posted.body["items"][0];
  EXPECT_EQ(made["responses"].size(), 1U);
  EXPECT_EQ(made["suggestions"].size(), 1U);
  EXPECT_EQ(made["vectors"]["v"], json("[0.1,1e-7]"));
  const auto listed =
      get("lead", records("?include=responses&include=suggestions&include=vectors"));
  EXPECT_EQ(listed.body["items"][0], made);
  EXPECT_EQ(listed.body["total"], 1);
  EXPECT_EQ(get("lead", "/api/v1/records/" + made["id"].get<std::string>()).body, made);
}

TEST_P(RecordsApi, TheSameExternalIdChangesTheRecordThatHasIt) {
  const auto before = upsert(R"([{"external_id":"e1","fields":{"text":"a"},
                                  "metadata":{"lang":"en"},"vectors":{"v":[1,0]}}])")[0];
  const auto after = upsert(R"([{"external_id":"e1","fields":{"text":"changed"}}])")[0];
  EXPECT_EQ(after["id"], before["id"]);
  EXPECT_EQ(after["fields"], json(R"({"text":"changed"})"));
  EXPECT_EQ(after["metadata"], before["metadata"]);
  EXPECT_EQ(after["vectors"], before["vectors"]);
  EXPECT_EQ(after["inserted_at"], before["inserted_at"]);
  EXPECT_GT(after["updated_at"], before["updated_at"]);
  EXPECT_EQ(total(), 1);
}

TEST_P(RecordsApi, SuggestionsAloneMayBeAddedToARecordThatIsThere) {
  const auto made = upsert(R"([{"external_id":"e1","fields":{"text":"a"}}])")[0];
  const auto after = upsert(R"([{"external_id":"e1","fields":null,"suggestions":[
      {"question_id":")" + question_id("stars") + R"(","value":2,"agent":"m","id":"same"}]}])")[0];
  EXPECT_EQ(after["fields"], made["fields"]);
  EXPECT_EQ(after["suggestions"][0]["value"], 2);
}

TEST_P(RecordsApi, AWrongRecordIsNamedAndTheWholeBatchRefused) {
  expect_refused(R"({"external_id":"e2"})", "fields cannot be empty");
  expect_refused(R"({"external_id":"e2","fields":null})", "fields cannot be empty");
  expect_refused(R"({"fields":{}})", "fields cannot be empty");
  expect_refused(R"({"fields":{"text":"a","zz":"b"}})",
                 "found fields values for non configured fields: ['zz']");
  expect_refused(R"({"fields":{"text":"a"},"metadata":{"lang":"q"}})",
                 "metadata is not valid: 'lang' metadata property validation failed because 'q' "
                 "is not an allowed term.");
  expect_refused(R"({"fields":{"text":"a"},"vectors":{"v":[1]}})",
                 "record does not have valid vectors: vector value for vector name=v must have 2 "
                 "elements, got 1 elements");
  expect_refused(R"({"fields":{"text":"a"},"vectors":{"w":[1]}})",
                 "record does not have valid vectors: vector with name=w does not exist for "
                 "dataset_id=" + schema_.dataset.id);
  const std::string nobody = domain::new_id();
  expect_refused(R"({"fields":{"text":"a"},"responses":[{"user_id":")" + nobody +
                     R"(","status":"submitted","values":{"rank":{"value":[]}}}]})",
                 "record does not have valid responses: user with id " + nobody + " not found");
  const std::string ann = R"({"fields":{"text":"a"},"responses":[{"user_id":")" + ids_["ann"];
  expect_refused(ann + R"(","status":"submitted","values":{"note":{"value":"x"}}}]})",
                 "record does not have valid responses: missing response value for required "
                 "question with name='rank'");
  expect_refused(ann + R"(","status":"draft","values":{"huh":{"value":"x"}}}]})",
                 "record does not have valid responses: found response value for non configured "
                 "question with name='huh'");
  const std::string question = domain::new_id();
  expect_refused(R"({"fields":{"text":"a"},"suggestions":[{"question_id":")" + question +
                     R"(","value":"x"}]})",
                 "record does not have valid suggestions: question id=" + question +
                     " does not exists");
  expect_refused(R"({"fields":{"text":"a"},"suggestions":[{"question_id":")" +
                     question_id("tags") + R"(","value":["a","b"],"score":0.5}]})",
                 "record does not have valid suggestions: a single score value is not allowed for "
                 "a suggestion with a multiple items value");
  EXPECT_EQ(total(), 0);
}

TEST_P(RecordsApi, WhatIsNoRecordAtAllIsASchemaMistake) {
  const auto mistakes = [](const testing::Reply& reply) {
    EXPECT_EQ(reply.status, 422);
    return to_line(reply.body["detail"]["params"]["errors"]);
  };
  EXPECT_EQ(
      mistakes(refused(R"({"fields":{"text":3}})")),
      R"([{"type":"string_type","loc":["body","items",1,"fields","text","constrained-str"],)"
      R"("msg":"Input should be a valid string"},)"
      R"({"type":"list_type","loc":["body","items",1,"fields","text","list[ChatFieldValue]"],)"
      R"("msg":"Input should be a valid list"},)"
      R"({"type":"dict_type","loc":["body","items",1,"fields","text","dict[constrained-str,any]"],)"
      R"("msg":"Input should be a valid dictionary"}])");
  EXPECT_EQ(mistakes(put("lead", records("/bulk"), json(R"({"items":[
                {"external_id":"z","fields":{"text":"1"}},
                {"external_id":"z","fields":{"text":"2"}}]})"))),
            R"([{"type":"value_error","loc":["body","items"],)"
            R"("msg":"Value error, External IDs must be unique"}])");
  EXPECT_EQ(mistakes(put("lead", records("/bulk"), json(R"({"items":[]})"))),
            R"([{"type":"too_short","loc":["body","items"],)"
            R"("msg":"List should have at least 1 item after validation, not 0"}])");
  OrderedJson many = OrderedJson::array();
  for (int i = 0; i < 501; ++i) many.push_back(json(R"({"fields":{"text":"a"}})"));
  EXPECT_EQ(mistakes(put("lead", records("/bulk"), {{"items", many}})),
            R"([{"type":"too_long","loc":["body","items"],)"
            R"("msg":"List should have at most 500 items after validation, not 501"}])");
  const std::string suggestion =
      R"({"fields":{"text":"a"},"suggestions":[{"question_id":")" + question_id("note");
  EXPECT_EQ(
      mistakes(refused(suggestion + R"(","value":"x","agent":"a b!"}]})")),
      R"([{"type":"string_pattern_mismatch",)"
      R"("loc":["body","items",1,"suggestions",0,"agent"],"msg":"String should match pattern )"
      R"('^[a-zA-Z0-9-_:\\.\\/\\s]*[a-zA-Z0-9][a-zA-Z0-9-_:\\.\\/\\s]*$'"}])");
  EXPECT_EQ(mistakes(refused(suggestion + R"(","value":"x","score":2}]})")),
            R"([{"type":"value_error","loc":["body","items",1,"suggestions",0,"score"],)"
            R"("msg":"Value error, score must be between 0 and 1"}])");
}

TEST_P(RecordsApi, AnExternalIdThatIsThereIsRefusedWhereRecordsAreCreated) {
  upsert(R"([{"external_id":"e1","fields":{"text":"a"}}])");
  const auto items = json(R"({"items":[{"external_id":"e1","fields":{"text":"x"}}]})");
  for (const char* path : {"/bulk", ""}) {
    const auto reply = post("lead", records(path), items);
    EXPECT_EQ(reply.status, 422);
    EXPECT_EQ(reply.body["detail"], "found records with same external ids: e1");
  }
}

TEST_P(RecordsApi, OneRecordIsNotChangedTwiceInOneCall) {
  const auto made = upsert(R"([{"external_id":"e1","fields":{"text":"a"}}])")[0];
  const auto reply = put("lead", records("/bulk"),
                         {{"items",
                           {{{"id", made["id"]}, {"fields", {{"text", "b"}}}},
                            {{"external_id", "e1"}, {"fields", {{"text", "c"}}}}}}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.body["detail"],
            "Record at position 1 is not valid because it is the same record as the one at "
            "position 0");
}

TEST_P(RecordsApi, AnIdAndAnExternalIdOfTwoRecordsAreRefused) {
  const auto made = upsert(R"([{"external_id":"e1","fields":{"text":"a"}},
                              {"external_id":"e2","fields":{"text":"b"}}])");
  const auto reply = put("lead", records("/bulk"),
                         {{"items", {{{"id", made[0]["id"]}, {"external_id", "e2"}}}}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.body["detail"],
            "Record at position 0 is not valid because its external id `e2` is that of record " +
                made[1]["id"].get<std::string>());
}

TEST_P(RecordsApi, AnUnpublishedDataSetTakesNoRecordsByAnyPath) {
  domain::Schema draft = domain::schema_of_everything();
  draft.dataset.published = false;
  schema_ = new_dataset(draft);
  const auto items = json(R"({"items":[{"fields":{"text":"a"}}]})");
  for (const auto& reply :
       {post("owner", records("/bulk"), items), put("owner", records("/bulk"), items),
        post("owner", records(), items)}) {
    EXPECT_EQ(reply.status, 422);
    EXPECT_EQ(reply.body["detail"], "records cannot be created for a non published dataset");
  }
}

TEST_P(RecordsApi, TheOlderClientCreatesAndChangesWithoutABody) {
  const auto created = post("lead", records(), json(R"({"items":[{"fields":{"text":"a"},
      "external_id":"e1","metadata":{"lang":"en"},"suggestions":[{"question_id":")" +
                                                    question_id("note") + R"(","value":"x"},
      {"question_id":")" + question_id("stars") + R"(","value":1}]}]})"));
  EXPECT_EQ(created.status, 204);
  EXPECT_EQ(created.text, "");
  const auto made = get("lead", records()).body["items"][0];
  const auto changed =
      patch("lead", records(),
            {{"items",
              {{{"id", made["id"]},
                {"metadata", {{"lang", "de"}}},
                {"suggestions",
                 {{{"question_id", question_id("stars")}, {"value", 2}, {"score", nullptr}}}}}}}});
  EXPECT_EQ(changed.status, 204) << changed.text;
  const auto after = get("lead", records("?include=suggestions")).body["items"][0];
  EXPECT_EQ(after["metadata"]["lang"], "de");
  ASSERT_EQ(after["suggestions"].size(), 1U);
  EXPECT_EQ(after["suggestions"][0]["value"], 2);
  const std::string unknown = domain::new_id();
  const auto refused = patch("lead", records(), {{"items", {{{"id", unknown}}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.text.find(unknown), std::string::npos);
}

TEST_P(RecordsApi, OneRecordIsReadChangedAndDeletedById) {
  const auto made = upsert(R"([{"external_id":"e1","fields":{"text":"a"},"vectors":{"v":[1,2]}}])");
  const std::string path = "/api/v1/records/" + made[0]["id"].get<std::string>();
  const auto patched = patch("lead", path, {{"metadata", {{"count", 3}}}});
  EXPECT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.body["metadata"], json(R"({"count":3})"));
  EXPECT_EQ(patched.body["vectors"], json(R"({"v":[1.0,2.0]})"));
  const auto refused = patch("lead", path, {{"metadata", {{"count", 99}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.body["detail"],
            "metadata is not valid: 'count' metadata property validation failed because '99' is "
            "greater than the maximum value of '10'.");
  const auto deleted = del("lead", path);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body["external_id"], "e1");
  EXPECT_FALSE(deleted.body.contains("responses"));
  const auto gone = get("lead", path);
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body["detail"],
            "Record with id `" + made[0]["id"].get<std::string>() + "` not found");
}

TEST_P(RecordsApi, ManyAreDeletedByIdsAndUnknownOnesPassedOver) {
  const auto made = upsert(R"([{"fields":{"text":"a"}},{"fields":{"text":"b"}}])");
  const auto reply =
      del("lead", records("?ids=" + made[0]["id"].get<std::string>() + "," + domain::new_id()));
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(total(), 1);
  EXPECT_EQ(to_line(del("lead", records()).body["detail"]["params"]["errors"]),
            R"([{"type":"missing","loc":["query","ids"],"msg":"Field required"}])");
  for (const char* ids : {"?ids=a,b", "?ids="}) {
    const auto wrong = del("lead", records(ids));
    EXPECT_EQ(wrong.status, 422);
    EXPECT_EQ(wrong.body["detail"], "Invalid UUID format");
  }
}

TEST_P(RecordsApi, PagesAreChecked) {
  EXPECT_EQ(to_line(get("lead", records("?limit=0")).body["detail"]["params"]["errors"]),
            R"([{"type":"greater_than_equal","loc":["query","limit"],)"
            R"("msg":"Input should be greater than or equal to 1"}])");
  EXPECT_EQ(to_line(get("lead", records("?limit=1001")).body["detail"]["params"]["errors"]),
            R"([{"type":"less_than_equal","loc":["query","limit"],)"
            R"("msg":"Input should be less than or equal to 1000"}])");
  EXPECT_EQ(get("lead", records("?include=tears")).body["detail"],
            "1 validation error for RecordIncludeParam\nkeys.0\n  Input should be 'responses', "
            "'suggestions' or 'vectors' [type=enum, input_value='tears', input_type=str]\n    For "
            "further information visit https://errors.pydantic.dev/2.9/v/enum");
  upsert(R"([{"fields":{"text":"a"},"vectors":{"v":[1,2]}}])");
  EXPECT_EQ(get("lead", records("?include=vectors:zz")).body["items"][0]["vectors"],
            OrderedJson::object());
}

TEST_P(RecordsApi, OnlyWhoManagesTheWorkspaceComesNear) {
  const auto made = upsert(R"([{"fields":{"text":"a"}}])");
  const std::string one = "/api/v1/records/" + made[0]["id"].get<std::string>();
  const auto item = json(R"({"items":[{"fields":{"text":"a"}}]})");
  for (const char* name : {"ann", "rev", "stranger"}) {
    EXPECT_EQ(get(name, records()).status, 403) << name;
    EXPECT_EQ(put(name, records("/bulk"), item).status, 403) << name;
    EXPECT_EQ(post(name, records("/bulk"), item).status, 403) << name;
    EXPECT_EQ(patch(name, one, json(R"({"metadata":{}})")).status, 403) << name;
    EXPECT_EQ(del(name, one).status, 403) << name;
  }
  EXPECT_EQ(get("ann", one).status, 200);
  EXPECT_EQ(get("stranger", one).status, 403);
  EXPECT_EQ(get("", one).status, 401);
  EXPECT_EQ(get("owner", records()).status, 200);
  EXPECT_EQ(get("lead", "/api/v1/datasets/" + domain::new_id() + "/records").status, 404);
}

TEST_P(RecordsApi, AnAnnotatorSeesOwnAnswersAndMetadataForAnnotators) {
  const auto made = upsert(R"([{"fields":{"text":"a"},"metadata":{"lang":"en","free":1},
      "responses":[{"user_id":")" + ids_["ann"] + R"(","status":"draft"},
                   {"user_id":")" + ids_["bob"] + R"(","status":"draft"}]}])");
  const std::string one = "/api/v1/records/" + made[0]["id"].get<std::string>();
  const auto seen = get("ann", one).body;
  EXPECT_EQ(seen["metadata"], json(R"({"lang":"en"})"));
  ASSERT_EQ(seen["responses"].size(), 1U);
  EXPECT_EQ(seen["responses"][0]["user_id"], ids_["ann"]);
  EXPECT_EQ(get("rev", one).body["responses"].size(), 2U);
  EXPECT_EQ(get("lead", one).body["metadata"].size(), 2U);
}

TEST_P(RecordsApi, EveryChangeOfContentKeepsWhatWasBefore) {
  const auto made = upsert(R"([{"external_id":"e1","fields":{"text":"one"}}])");
  const std::string id = made[0]["id"].get<std::string>();
  upsert(R"([{"external_id":"e1","fields":{"text":"one"}}])");  // changes nothing
  patch("lead", "/api/v1/records/" + id, json(R"({"fields":{"text":"two"}})"));
  const auto versions = get("lead", "/api/attune/v1/records/" + id + "/versions");
  ASSERT_EQ(versions.body["items"].size(), 1U) << versions.text;
  EXPECT_EQ(versions.body["items"][0]["fields"]["text"], "one");
  EXPECT_EQ(versions.body["items"][0]["changed_by"], ids_["lead"]);
  EXPECT_EQ(get("ann", "/api/attune/v1/records/" + id + "/versions").status, 403);
}

TEST_P(RecordsApi, CommentsAreOnesOwnToChange) {
  const auto made = upsert(R"([{"fields":{"text":"one"}}])");
  const std::string path =
      "/api/attune/v1/records/" + made[0]["id"].get<std::string>() + "/comments";
  const auto said = post("ann", path, {{"text", "unclear prompt"}});
  ASSERT_EQ(said.status, 201) << said.text;
  const std::string one = "/api/attune/v1/comments/" + said.body["id"].get<std::string>();
  EXPECT_EQ(patch("bob", one, {{"text", "no"}}).status, 403);
  EXPECT_EQ(patch("ann", one, {{"text", "very unclear"}}).status, 200);
  EXPECT_EQ(patch("ann", one, {{"txt", "typo"}}).status, 422);
  const auto listed = get("bob", path).body["items"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["text"], "very unclear");
  EXPECT_EQ(get("stranger", path).status, 403);
  EXPECT_EQ(del("bob", one).status, 403);
  EXPECT_EQ(del("lead", one).status, 204);
  EXPECT_EQ(get("ann", path).body["items"].size(), 0U);
}

TEST_P(RecordsApi, AnOwnerMayHaveRecordsAndPeopleForgotten) {
  const auto made = upsert(R"([{"fields":{"text":"secret"},"responses":[{"user_id":")" +
                           ids_["ann"] + R"(","status":"draft",
                                 "values":{"note":{"value":"hush"}}}]}])");
  const std::string path = "/api/attune/v1/datasets/" + schema_.dataset.id + "/records/forget";
  const OrderedJson body = {{"record_ids", OrderedJson::array({made[0]["id"]})}};
  EXPECT_EQ(post("lead", path, body).status, 403);
  const std::string person = "/api/attune/v1/users/" + ids_["ann"] + "/forget";
  EXPECT_EQ(post("lead", person, nullptr).status, 403);
  EXPECT_EQ(post("owner", person, nullptr).body["answers"], 1);
  EXPECT_EQ(get("lead", records()).body["items"][0]["fields"]["text"], "secret");
  const auto forgotten = post("owner", path, body);
  ASSERT_EQ(forgotten.status, 200) << forgotten.text;
  EXPECT_EQ(forgotten.body["records"], 1);
  EXPECT_EQ(get("lead", records()).body["items"][0]["fields"]["text"], "[forgotten]");
  const OrderedJson unknown = {{"record_ids", {made[0]["id"], schema_.dataset.id}}};
  const auto missing = post("owner", path, unknown);
  EXPECT_EQ(missing.status, 404) << missing.text;
  EXPECT_NE(missing.text.find(schema_.dataset.id), std::string::npos) << missing.text;
}

TEST_P(RecordsApi, ADeletedRecordIsForgottenByItsId) {
  const auto made = upsert(R"([{"fields":{"text":"secret"}}])");
  const std::string id = made[0]["id"], dataset = "/api/attune/v1/datasets/" + schema_.dataset.id;
  ASSERT_EQ(post("lead", dataset + "/snapshots", {{"name", "v1"}}).status, 201);
  ASSERT_EQ(del("lead", "/api/v1/records/" + id).status, 200);
  const OrderedJson body = {{"record_ids", OrderedJson::array({id})}};
  const auto forgotten = post("owner", dataset + "/records/forget", body);
  ASSERT_EQ(forgotten.status, 200) << forgotten.text;
  EXPECT_EQ(forgotten.body["records"], 0);
  EXPECT_EQ(forgotten.body["snapshot_rows"], 1);
  EXPECT_EQ(get("lead", dataset + "/export?snapshot=v1").text.find("secret"), std::string::npos);
}

TEST_P(RecordsApi, AHubIsRefusedInWords) {
  const std::string dataset = "/api/v1/datasets/" + schema_.dataset.id;
  const auto in = post("lead", dataset + "/import", json(R"({"name":"a/b","subset":"default",
      "split":"train","mapping":{"fields":[{"source":"x","target":"text"}]}})"));
  EXPECT_EQ(in.status, 422);
  EXPECT_NE(in.text.find("attune import"), std::string::npos);
  const auto out = post("lead", dataset + "/export", json(R"({"name":"a/b","token":"t"})"));
  EXPECT_EQ(out.status, 422);
  EXPECT_NE(out.text.find("attune export"), std::string::npos);
  EXPECT_EQ(get("lead", "/api/v1/jobs/nothing").status, 404);
}

INSTANTIATE_BOTH_DATABASES(RecordsApi);

}  // namespace
}  // namespace attune::api
