#include "server/api/responses/response_writing.h"
#include "server/api/testing/api_fixture.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::json;

class ResponsesApi : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    const auto made = upsert(R"([{"fields":{"text":"one"}},{"fields":{"text":"two"}}])");
    for (const auto& one : made) record_ids_.push_back(one["id"].get<std::string>());
  }
  std::string of_record(size_t index = 0) const {
    return "/api/v1/records/" + record_ids_[index] + "/responses";
  }
  static OrderedJson ranking(const char* status, const std::string& items) {
    return {{"status", status}, {"values", {{"rank", {{"value", json(items)}}}}}};
  }
  static OrderedJson full(const char* status = "submitted") {
    return ranking(status, R"([{"value":"a","rank":2},{"value":"b","rank":1},)"
                           R"({"value":"c","rank":1}])");
  }
  OrderedJson record(size_t index = 0) {
    return get("lead", "/api/v1/records/" + record_ids_[index]).body;
  }

  std::vector<std::string> record_ids_;
};

TEST_P(ResponsesApi, ASubmittedAnswerCompletesTheRecordAndComesBackSortedByRank) {
  const auto made = post("ann", of_record(), full());
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(to_line(made.body["values"]["rank"]["value"]),
            R"([{"value":"b","rank":1},{"value":"c","rank":1},{"value":"a","rank":2}])");
  EXPECT_EQ(made.body["status"], "submitted");
  EXPECT_EQ(made.body["record_id"], record_ids_[0]);
  EXPECT_EQ(made.body["user_id"], ids_["ann"]);
  EXPECT_EQ(record()["status"], "completed");
  EXPECT_EQ(record()["responses"][0], made.body);
  EXPECT_EQ(record(1)["status"], "pending");
}

TEST_P(ResponsesApi, ARankingWithoutRanksIsRankedByItsOrder) {
  const auto made = post("ann", of_record(),
                         ranking("submitted", R"([{"value":"c"},{"value":"a"},{"value":"b"}])"));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(to_line(made.body["values"]["rank"]["value"]),
            R"([{"value":"c","rank":1},{"value":"a","rank":2},{"value":"b","rank":3}])");
}

TEST_P(ResponsesApi, RefusalsHaveTheContractsTexts) {
  const auto refused = [&](const OrderedJson& body) {
    const auto reply = post("ann", of_record(), body);
    EXPECT_EQ(reply.status, 422);
    return reply.body["detail"].get<std::string>();
  };
  EXPECT_EQ(refused({{"status", "submitted"}}), "missing response values for submitted response");
  EXPECT_EQ(refused(ranking("submitted", R"([{"value":"a","rank":1}])")),
            "ranking question expects a list containing 3 values, found a list of 1 values");
  EXPECT_EQ(refused(ranking("submitted", R"([{"value":"a","rank":1},{"value":"b","rank":5},)"
                                         R"({"value":"c","rank":2}])")),
            "[5] are not valid ranks for ranking question.\nValid ranks are: [1, 2, 3]");
  OrderedJson label = full();
  label["values"]["kind"] = {{"value", "q"}};
  EXPECT_EQ(refused(label),
            "'q' is not a valid label for label selection question.\nValid labels are: ['a', 'b', "
            "'c']");
  EXPECT_EQ(record()["responses"].size(), 0U);
}

TEST_P(ResponsesApi, APersonAnswersARecordOnce) {
  ASSERT_EQ(post("ann", of_record(), full("draft")).status, 201);
  const auto again = post("ann", of_record(), full());
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["detail"], "Response already exists for record with id `" +
                                      record_ids_[0] + "` and by user with id `" + ids_["ann"] +
                                      "`");
  EXPECT_EQ(post("bob", of_record(), full()).status, 201);
  EXPECT_EQ(record()["responses"].size(), 2U);
}

TEST_P(ResponsesApi, DraftsAndDiscardsMayComeWithoutValues) {
  const auto discarded = post("ann", of_record(), {{"status", "discarded"}});
  ASSERT_EQ(discarded.status, 201) << discarded.text;
  EXPECT_EQ(discarded.body["values"], OrderedJson::object());
  const auto draft = post("bob", of_record(), {{"status", "draft"}, {"values", nullptr}});
  ASSERT_EQ(draft.status, 201) << draft.text;
  EXPECT_EQ(record()["status"], "pending");
}

TEST_P(ResponsesApi, WhoAnsweredOrManagesMayChangeAndTakeAway) {
  const auto made = post("ann", of_record(), full());
  const std::string path = "/api/v1/responses/" + made.body["id"].get<std::string>();
  EXPECT_EQ(put("bob", path, full()).status, 403);
  EXPECT_EQ(del("bob", path).status, 403);
  EXPECT_EQ(del("stranger", path).status, 403);
  const auto changed = put("ann", path, full("draft"));
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.body["id"], made.body["id"]);
  EXPECT_EQ(record()["status"], "pending");
  EXPECT_EQ(put("lead", path, full()).body["user_id"], ids_["ann"]);
  EXPECT_EQ(record()["status"], "completed");
  const auto deleted = del("ann", path);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body["id"], made.body["id"]);
  EXPECT_EQ(record()["status"], "pending");
  EXPECT_EQ(put("ann", path, full()).status, 404);
}

// Between the look for the answer and the write it was deleted, and the person answered anew.
TEST_P(ResponsesApi, AChangeOfADeletedAnswerLeavesTheNextOneAlone) {
  const auto first = post("ann", of_record(), full());
  del("ann", "/api/v1/responses/" + first.body["id"].get<std::string>());
  const auto second = post("ann", of_record(), full());
  const auto ann = database().read(
      [](store::Connection& connection) { return store::find_user_named(connection, "ann"); });
  const http::Request request;
  const Call call{request, services(), ann.value(), "", {}};
  const auto submitted_for = [&](const testing::Reply& answer) {
    Submission one{.record_id = record_ids_[0],
                   .change = {.user_id = ids_["ann"], .status = domain::ResponseStatus::kDiscarded},
                   .response_id = answer.body["id"].get<std::string>()};
    std::vector<Submission> all = {std::move(one)};
    EXPECT_TRUE(submit(call, all, WriteRule::kUpdateOnly).ok());
    return all[0].failure ? all[0].failure->status : 200;
  };
  EXPECT_EQ(submitted_for(first), 404);
  EXPECT_EQ(record()["responses"][0], second.body);
  EXPECT_EQ(submitted_for(second), 200);
  EXPECT_EQ(record()["responses"][0]["status"], "discarded");
}

TEST_P(ResponsesApi, InBulkEachAnswerStandsForItself) {
  const std::string unknown = domain::new_id();
  OrderedJson first = full(), lost = full(), wrong = {{"status", "submitted"}};
  first["record_id"] = record_ids_[0];
  lost["record_id"] = unknown;
  wrong["record_id"] = record_ids_[1];
  const auto reply = post("ann", "/api/v1/me/responses/bulk",
                          {{"items", OrderedJson::array({first, lost, wrong})}});
  ASSERT_EQ(reply.status, 200) << reply.text;
  const auto& items = reply.body["items"];
  EXPECT_EQ(items[0]["item"]["status"], "submitted");
  EXPECT_TRUE(items[0]["error"].is_null());
  EXPECT_TRUE(items[1]["item"].is_null());
  EXPECT_EQ(items[1]["error"]["detail"], "Record with id `" + unknown + "` not found");
  EXPECT_EQ(items[2]["error"]["detail"], "missing response values for submitted response");
  first["status"] = "draft";
  const auto again = post("ann", "/api/v1/me/responses/bulk", {{"items", {first}}});
  EXPECT_EQ(again.body["items"][0]["item"]["id"], items[0]["item"]["id"]);
  EXPECT_EQ(record()["responses"].size(), 1U);
  EXPECT_EQ(post("stranger", "/api/v1/me/responses/bulk", {{"items", {first}}})
                .body["items"][0]["error"]["detail"],
            "Operation not allowed");
}

TEST_P(ResponsesApi, HistoryTellsEveryVersionAndUndoGoesBack) {
  OrderedJson answer = full("draft");
  answer["seconds_spent"] = 4.5;
  answer["shown_order"] = {"b", "c", "a"};
  const auto made = post("ann", of_record(), answer);
  const std::string id = made.body["id"].get<std::string>();
  put("ann", "/api/v1/responses/" + id, full());
  const std::string history = "/api/attune/v1/responses/" + id + "/history";
  const auto told = get("ann", history).body["items"];
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0]["action"], "created");
  EXPECT_EQ(told[0]["seconds_spent"], 4.5);
  EXPECT_EQ(told[0]["shown_order"], json(R"(["b","c","a"])"));
  EXPECT_EQ(told[0]["client"], "test");
  EXPECT_EQ(told[1]["action"], "updated");
  EXPECT_EQ(told[1]["seconds_spent"], 4.5);  // an edit that says nothing of them keeps them
  EXPECT_EQ(get("bob", history).status, 403);
  EXPECT_EQ(get("rev", history).status, 200);
  const std::string undo = "/api/attune/v1/responses/" + id + "/undo";
  EXPECT_EQ(post("bob", undo, nullptr).status, 403);
  const auto undone = post("ann", undo, nullptr);
  ASSERT_EQ(undone.status, 200) << undone.text;
  EXPECT_EQ(undone.body["response"]["status"], "draft");
  EXPECT_EQ(record()["status"], "pending");
  EXPECT_TRUE(post("ann", undo, nullptr).body["response"].is_null());
  EXPECT_EQ(post("ann", undo, nullptr).status, 409);
  const auto of_the_record =
      get("bob", "/api/attune/v1/records/" + record_ids_[0] + "/responses/history");
  EXPECT_EQ(of_the_record.body["items"].size(), 0U);  // none of his own
}

TEST_P(ResponsesApi, ADeletedPersonsAnswersStay) {
  const auto made = post("ann", of_record(), full());
  database()
      .write([&](store::Connection& c) { return store::delete_user(c, ids_["ann"]); })
      .value();
  const auto after = record();
  ASSERT_EQ(after["responses"].size(), 1U);
  EXPECT_EQ(after["responses"][0]["user_id"], ids_["ann"]);
  EXPECT_EQ(after["status"], "completed");
}

TEST_P(ResponsesApi, SuggestionsAreSetOnePerQuestion) {
  const std::string path = "/api/v1/records/" + record_ids_[0] + "/suggestions";
  const OrderedJson first = {{"question_id", question_id("rank")},
                             {"value", json(R"([{"value":"b"},{"value":"a"},{"value":"c"}])")},
                             {"agent", "reward-0"},
                             {"type", "model"}};
  const auto made = put("lead", path, first);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(to_line(made.body["value"]),
            R"([{"value":"b","rank":1},{"value":"a","rank":2},{"value":"c","rank":3}])");
  const auto again = put("lead", path, first);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["id"], made.body["id"]);
  EXPECT_EQ(put("ann", path, first).status, 403);
  EXPECT_EQ(get("ann", path).body["items"].size(), 1U);
  const auto options = get("ann", records("/search/suggestions/options")).body["items"];
  EXPECT_EQ(options[1]["question"]["name"], "rank");
  EXPECT_EQ(options[1]["agents"], json(R"(["reward-0"])"));
  const std::string id = made.body["id"].get<std::string>();
  EXPECT_EQ(del("lead", "/api/v1/suggestions/" + id).body["id"], id);
  EXPECT_EQ(del("lead", "/api/v1/suggestions/" + id).status, 404);
  const auto third = put("lead", path, first);
  EXPECT_EQ(third.status, 201);
  EXPECT_EQ(del("lead", path + "?ids=" + third.body["id"].get<std::string>()).status, 204);
  EXPECT_EQ(get("ann", path).body["items"].size(), 0U);
}

INSTANTIATE_BOTH_DATABASES(ResponsesApi);

}  // namespace
}  // namespace attune::api
