// What is written down of deeds that cannot be seen any more once they are done.
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

class AuditApi : public testing::ApiTest {
 protected:
  // "action subject detail" of what was done since the last call, oldest first.
  std::vector<std::string> done() {
    const auto items = get("owner", "/api/attune/v1/audit?limit=1000").body["items"];
    std::vector<std::string> lines;
    for (const OrderedJson& one : items) {
      if (one["number"].get<int64_t>() <= last_) break;
      EXPECT_EQ(one["user_id"], ids_["lead"]);
      EXPECT_EQ(one["request_id"], "test-request");
      lines.insert(lines.begin(), one["action"].get<std::string>() + " " +
                                      one["subject"].get<std::string>() + " " +
                                      to_line(one["detail"]));
    }
    if (!items.empty()) last_ = items[0]["number"];
    return lines;
  }
  std::string id_of(const testing::Reply& reply) {
    EXPECT_LT(reply.status, 300) << reply.text;
    return reply.body["id"].get<std::string>();
  }
  std::string dataset(const std::string& more) const {
    return "/api/v1/datasets/" + schema_.dataset.id + more;
  }
  std::string of_dataset(const char* name) const {
    return R"({"dataset_id":")" + schema_.dataset.id + R"(","name":")" + name + R"("})";
  }

 private:
  int64_t last_ = 0;
};

using Lines = std::vector<std::string>;

TEST_P(AuditApi, RecordsThatWereDeletedAreNamedAndTheirLastVersionIsKept) {
  const auto made = upsert(R"([{"fields":{"text":"one"}},{"fields":{"text":"two"}},
                               {"fields":{"text":"three"}}])");
  const auto id = [&](size_t index) { return made[index]["id"].get<std::string>(); };
  const std::string& subject = schema_.dataset.id;
  del("lead", "/api/v1/records/" + id(0));
  del("lead", records("?ids=" + id(1) + "," + id(2) + "," + domain::new_id()));
  EXPECT_EQ(done(), (Lines{"records.delete " + subject + R"( {"record_ids":[")" + id(0) + R"("]})",
                           "records.delete " + subject + R"( {"record_ids":[")" + id(1) +
                               R"(",")" + id(2) + R"("]})"}));
  const std::string versions = "/api/attune/v1/records/" + id(1) + "/versions";
  const auto kept = get("lead", versions);
  ASSERT_EQ(kept.status, 200) << kept.text;
  ASSERT_EQ(kept.body["items"].size(), 1U);
  EXPECT_EQ(kept.body["items"][0]["fields"], json(R"({"text":"two"})"));
  EXPECT_EQ(kept.body["items"][0]["changed_by"], ids_["lead"]);
  EXPECT_EQ(get("stranger", versions).status, 403);
  EXPECT_EQ(get("lead", "/api/attune/v1/records/" + domain::new_id() + "/versions").status, 404);
  // What was kept is forgotten as all else.
  const auto forgotten = post("owner", "/api/attune/v1/datasets/" + subject + "/records/forget",
                              {{"record_ids", {id(1)}}});
  ASSERT_EQ(forgotten.status, 200) << forgotten.text;
  EXPECT_EQ(get("lead", versions).text.find("two"), std::string::npos);
}

TEST_P(AuditApi, AnswersOfOthersAreNotChangedInSilence) {
  const std::string record = upsert(R"([{"fields":{"text":"one"}}])")[0]["id"];
  const OrderedJson answer = {{"status", "discarded"}};
  const std::string id =
      id_of(post("ann", "/api/v1/records/" + record + "/responses", answer));
  const std::string path = "/api/v1/responses/" + id;
  put("ann", path, answer);
  EXPECT_EQ(done(), Lines{}) << "one's own answers have their history";
  EXPECT_EQ(put("lead", path, answer).status, 200);
  EXPECT_EQ(post("lead", "/api/attune/v1/responses/" + id + "/undo", nullptr).status, 200);
  EXPECT_EQ(del("lead", path).status, 200);
  const std::string told = " " + id + R"( {"record_id":")" + record + R"(","user_id":")" +
                           ids_["ann"] + R"("})";
  EXPECT_EQ(done(),
            (Lines{"response.update" + told, "response.undo" + told, "response.delete" + told}));
  upsert(R"([{"fields":{"text":"two"},"responses":[{"user_id":")" + ids_["ann"] +
         R"(","status":"draft","values":{}}]}])");
  EXPECT_EQ(done(), (Lines{"records.answers " + schema_.dataset.id + R"( {"answers":1})"}));
}

TEST_P(AuditApi, SettingsThatChangeAreNamed) {
  patch("lead", dataset(""), {{"guidelines", "be kind"}, {"allow_extra_metadata", true}});
  EXPECT_EQ(done(), (Lines{"dataset.update " + schema_.dataset.id +
                           R"( {"changed":["guidelines","allow_extra_metadata"]})"}));
  const auto through_life = [&](const std::string& where, const std::string& action,
                                const char* all, const OrderedJson& body) {
    const std::string id = id_of(post("lead", dataset(all), body));
    EXPECT_EQ(patch("lead", where + id, {{"title", "another"}}).status, 200) << action;
    EXPECT_EQ(del("lead", where + id).status, 200) << action;
    Lines expected;
    for (const char* deed : {".create ", ".update ", ".delete "}) {
      expected.push_back(action + deed + id + " " + of_dataset("m"));
    }
    EXPECT_EQ(done(), expected);
  };
  through_life("/api/v1/metadata-properties/", "metadata_property", "/metadata-properties",
               json(R"({"name":"m","title":"m","settings":{"type":"terms"}})"));
  through_life("/api/v1/vectors-settings/", "vector", "/vectors-settings",
               json(R"({"name":"m","title":"m","dimensions":2})"));
  domain::Schema draft = domain::schema_of_everything();
  draft.dataset.published = false;
  draft.fields.resize(1);
  const std::string workspace = schema_.dataset.workspace_id;
  schema_ = new_dataset(draft);
  database()
      .write([&](store::Connection& c) {
        return c.run("UPDATE datasets SET workspace_id = $2 WHERE id = $1",
                     {schema_.dataset.id, workspace});
      })
      .value();
  const std::string share = R"({"name":"m","title":"m","settings":{"type":"text"}})";
  through_life("/api/v1/fields/", "field", "/fields", json(share));
  through_life("/api/v1/questions/", "question", "/questions", json(share));
}

TEST_P(AuditApi, ProjectsExportsAndImportsAreNamed) {
  const std::string all = "/api/attune/v1/projects";
  const std::string id = id_of(
      post("lead", all, {{"name", "p"}, {"workspace_id", schema_.dataset.workspace_id}}));
  const std::string one = all + "/" + id, inside = one + "/datasets/" + schema_.dataset.id;
  EXPECT_EQ(patch("lead", one, {{"name", "q"}}).status, 200);
  EXPECT_EQ(post("lead", one + "/guidelines", {{"text", "be kind"}}).status, 201);
  EXPECT_EQ(put("lead", inside, OrderedJson::object()).status, 200);
  EXPECT_EQ(del("lead", inside).status, 200);
  EXPECT_EQ(del("lead", one).status, 200);
  const std::string named = R"({"dataset_id":")" + schema_.dataset.id + R"("})";
  EXPECT_EQ(done(), (Lines{"project.create " + id + R"( {"name":"p"})",
                           "project.update " + id + R"( {"name":"q"})",
                           "project.guidelines " + id + R"( {"version":1})",
                           "project.add_dataset " + id + " " + named,
                           "project.remove_dataset " + id + " " + named,
                           "project.delete " + id + R"( {"name":"q"})"}));
  EXPECT_EQ(get("lead", "/api/attune/v1/datasets/" + schema_.dataset.id + "/export").status, 200);
  EXPECT_EQ(done(), (Lines{"dataset.export " + schema_.dataset.id + R"( {"snapshot":""})"}));
}

INSTANTIATE_BOTH_DATABASES(AuditApi);

}  // namespace
}  // namespace attune::api
