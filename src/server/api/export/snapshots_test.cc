#include <gtest/gtest.h>

#include <algorithm>

#include "base/sha256.h"
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

class SnapshotsTest : public testing::ApiTest {
 protected:
  std::string dataset(const std::string& more) const {
    return "/api/attune/v1/datasets/" + schema_.dataset.id + more;
  }
  static OrderedJson ranking(const std::string& order) {
    OrderedJson items = OrderedJson::array();
    for (const char option : order) {
      items.push_back({{"value", std::string(1, option)}, {"rank", items.size() + 1}});
    }
    return items;
  }
  OrderedJson answer(const std::string& who, const std::string& note) {
    return {{"user_id", ids_[who]},
            {"status", "submitted"},
            {"values", {{"note", {{"value", note}}}, {"rank", {{"value", ranking("abc")}}}}}};
  }
  // Two records; the first has two answers.
  void add_records() {
    const OrderedJson items = {
        {{"fields", {{"text", "one"}}},
         {"metadata", {{"lang", "en"}, {"count", 3}}},
         {"responses", {answer("ann", "swordfish"), answer("bob", "herring")}}},
        {{"fields", {{"text", "two"}}}, {"suggestions", OrderedJson::array()}}};
    for (const OrderedJson& one : upsert(items.dump())) records_.push_back(one["id"]);
  }
  OrderedJson snapshot(const std::string& name) {
    const auto made = post("lead", dataset("/snapshots"), {{"name", name}});
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body;
  }
  std::string rows(const std::string& query) {
    return get("lead", dataset("/export?" + query)).text;
  }
  // What stands in the data base's snapshots, whatever an export shows of it.
  std::string kept() {
    const auto read = [](store::Connection& c) {
      return c.run("SELECT text FROM snapshot_contents");
    };
    std::string all;
    for (const store::Row& row : database().read(read).value()) all += row.text(0) + "\n";
    return all;
  }

  std::vector<std::string> records_;
};
INSTANTIATE_BOTH_DATABASES(SnapshotsTest);

TEST_P(SnapshotsTest, ASnapshotStaysAsTheDataSetWas) {
  add_records();
  const std::string before = rows("format=jsonl");
  const OrderedJson made = snapshot("v1");
  EXPECT_EQ(made["records"], 2);
  EXPECT_EQ(made["answers"], 2);
  EXPECT_EQ(made["hash"].get<std::string>().size(), 64u);
  patch("lead", "/api/v1/records/" + records_[1], {{"metadata", {{"lang", "de"}}}});
  upsert(R"([{"fields":{"text":"three"}}])");
  EXPECT_NE(rows("format=jsonl"), before);
  EXPECT_EQ(rows("format=jsonl&snapshot=v1"), before);
  const auto reply = get("lead", dataset("/export?format=rankings&snapshot=v1"));
  ASSERT_NE(reply.headers.find("X-Attune-Snapshot"), nullptr);
  EXPECT_EQ(*reply.headers.find("X-Attune-Snapshot"), made["hash"]);
  EXPECT_NE(reply.text.find("\"snapshot\":" + made["hash"].dump()), std::string::npos)
      << reply.text;
  EXPECT_EQ(rows("format=rankings").find("\"snapshot\""), std::string::npos);
  EXPECT_EQ(get("lead", dataset("/export?snapshot=v2")).status, 404);
  EXPECT_EQ(get("lead", dataset("/export?snaphot=v1")).status, 422) << "not what stands now";
}

TEST_P(SnapshotsTest, EqualContentHasOneHashAndOneText) {
  add_records();
  const OrderedJson first = snapshot("first"), second = snapshot("second");
  EXPECT_EQ(first["hash"], second["hash"]);
  EXPECT_EQ(std::ranges::count(kept(), '\n'), 2) << "two records, whatever the snapshots";
  put("ann", "/api/v1/responses/" +
                 get("lead", "/api/v1/records/" + records_[0]).body["responses"][0]["id"]
                     .get<std::string>(),
      {{"status", "submitted"}, {"values", answer("ann", "trout")["values"]}});
  EXPECT_NE(snapshot("third")["hash"], first["hash"]);
  EXPECT_EQ(get("rev", dataset("/snapshots")).body["items"].size(), 3u);
}

// The hash says nothing of ids and times, so that the same content has it anywhere: this one was
// computed by hand from the description in domain/snapshot.h.
TEST_P(SnapshotsTest, TheHashIsThatOfItsDescription) {
  domain::Schema schema;
  schema.dataset.published = true;
  schema.fields = {domain::field("text", true, R"({"type":"text","use_markdown":false})")};
  schema.questions = {domain::question("note", true, R"({"type":"text","use_markdown":false})")};
  schema = new_dataset(schema);
  const std::string id = schema.dataset.id;
  const auto added = put("owner", "/api/v1/datasets/" + id + "/records/bulk",
                         {{"items", {{{"fields", {{"text", "hello"}}}, {"external_id", "x"}}}}});
  ASSERT_EQ(added.status, 200) << added.text;
  const auto made = post("owner", "/api/attune/v1/datasets/" + id + "/snapshots", {{"name", "v"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string settings = sha256_hex(
      R"({"fields":[{"name":"text","settings":{"type":"text","use_markdown":false}}],)"
      R"("metadata":[],"questions":[{"name":"note","settings":)"
      R"({"type":"text","use_markdown":false}}]})");
  const std::string record = sha256_hex(
      R"({"external_id":"x","fields":{"text":"hello"},"metadata":null,"responses":[],)"
      R"("status":"pending","suggestions":[]})");
  EXPECT_EQ(made.body["hash"], sha256_hex(settings + "\n" + record + "\n"));
}

TEST_P(SnapshotsTest, ForgettingARecordReachesSnapshotsAndKeepsTheirHash) {
  add_records();
  const OrderedJson made = snapshot("v1");
  const std::string path = dataset("/records/forget");
  const auto counts = post("owner", path, {{"record_ids", {records_[0]}}});
  ASSERT_EQ(counts.status, 200) << counts.text;
  EXPECT_EQ(counts.body["snapshot_rows"], 1);
  EXPECT_EQ(kept().find("swordfish"), std::string::npos) << kept();
  EXPECT_NE(kept().find("\"forgotten\""), std::string::npos);
  const std::string id = made["id"];
  const OrderedJson after = get("lead", "/api/attune/v1/snapshots/" + id).body;
  EXPECT_EQ(after["hash"], made["hash"]);
  EXPECT_EQ(after["forgotten_rows"], 1);
  EXPECT_EQ(std::ranges::count(rows("snapshot=v1"), '\n'), 1) << "the other record";
  EXPECT_EQ(post("owner", path, {{"record_ids", {records_[0]}}}).body["snapshot_rows"], 0);
}

TEST_P(SnapshotsTest, ForgettingAPersonLeavesTheAnswersOfOthers) {
  add_records();
  snapshot("v1");
  snapshot("v2");
  const auto counts = post("owner", "/api/attune/v1/users/" + ids_["ann"] + "/forget", nullptr);
  ASSERT_EQ(counts.status, 200) << counts.text;
  EXPECT_EQ(counts.body["snapshot_rows"], 2) << "the row of both snapshots";
  EXPECT_EQ(kept().find("swordfish"), std::string::npos) << kept();
  EXPECT_EQ(kept().find("\"annotator\":\"ann\""), std::string::npos) << kept();
  EXPECT_NE(kept().find("herring"), std::string::npos);
  const std::string left = rows("format=rankings&snapshot=v2");
  EXPECT_EQ(left.find("\"ann\""), std::string::npos) << left;
  EXPECT_NE(left.find("\"bob\""), std::string::npos) << left;
}

TEST_P(SnapshotsTest, ADeletedSnapshotLeavesNoText) {
  add_records();
  const std::string one = snapshot("v1")["id"], two = snapshot("v2")["id"];
  EXPECT_EQ(del("lead", "/api/attune/v1/snapshots/" + one).status, 204);
  EXPECT_EQ(std::ranges::count(kept(), '\n'), 2);
  EXPECT_EQ(del("lead", "/api/attune/v1/snapshots/" + two).status, 204);
  EXPECT_EQ(kept(), "");
  EXPECT_EQ(del("lead", "/api/attune/v1/snapshots/" + two).status, 404);
  snapshot("v3");
  EXPECT_EQ(del("lead", "/api/v1/datasets/" + schema_.dataset.id).status, 200);
  EXPECT_EQ(kept(), "") << "it goes with its data set";
}

TEST_P(SnapshotsTest, RefusalsAndRoles) {
  snapshot("v1");
  EXPECT_EQ(post("lead", dataset("/snapshots"), {{"name", "v1"}}).status, 409);
  EXPECT_EQ(post("lead", dataset("/snapshots"), {{"name", "a/b"}}).status, 422);
  EXPECT_EQ(post("lead", dataset("/snapshots"), {{"nam", "x"}}).status, 422);
  EXPECT_EQ(post("rev", dataset("/snapshots"), {{"name", "v2"}}).status, 403);
  EXPECT_EQ(post("stranger", dataset("/snapshots"), {{"name", "v2"}}).status, 403);
  EXPECT_EQ(get("ann", dataset("/snapshots")).status, 403);
}

}  // namespace
}  // namespace attune::api
