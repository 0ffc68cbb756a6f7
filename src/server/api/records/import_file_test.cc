// Files of published layouts through the API: records with suggestions, an account, refusals.
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

class ImportFileApi : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    const std::string workspace = schema_.dataset.workspace_id;
    domain::Schema schema;
    schema.dataset.published = true;
    schema.fields = {domain::field("prompt", true, R"({"type":"chat","use_markdown":false})"),
                     domain::field("response-1", true, R"({"type":"text","use_markdown":false})"),
                     domain::field("response-2", true, R"({"type":"text","use_markdown":false})")};
    schema.questions = {domain::question(
        "preference", true,
        R"({"type":"ranking","options":[{"value":"response-1","text":"1","description":null},
            {"value":"response-2","text":"2","description":null}]})")};
    schema_ = new_dataset(schema);
    database()
        .write([&](store::Connection& c) -> Status {
          TRY(c.run("UPDATE datasets SET workspace_id = $2 WHERE id = $1",
                    {schema_.dataset.id, workspace}));
          return {};
        })
        .value();
  }

  testing::Reply imported(const OrderedJson& rows, const std::string& query = "",
                          const std::string& as = "lead") {
    return post(as, "/api/attune/v1/datasets/" + schema_.dataset.id + "/import" + query, rows);
  }

  // How many records each line of the audit log tells of, the newest first.
  std::string told() {
    std::string numbers;
    const auto log = get("owner", "/api/attune/v1/audit?action=records.import");
    for (const OrderedJson& one : log.body.at("items")) {
      EXPECT_EQ(one["subject"], schema_.dataset.id);
      EXPECT_EQ(one["user_id"], ids_["lead"]);
      numbers += to_line(one["detail"]["records"]) + " ";
    }
    return numbers;
  }

  OrderedJson all_records() {
    return get("lead", records("?include=suggestions&limit=1000")).body.at("items");
  }
};

// A comparison of PandaLM's: three annotators give three examples.
OrderedJson comparison(int number, int first_choice) {
  return {{"idx", number},       {"instruction", "Shorten."}, {"input", ""},
          {"response1", "Long"}, {"response2", "L"},          {"annotator1", first_choice},
          {"annotator2", 2},     {"annotator3", nullptr}};
}

OrderedJson one_row(int number, int first_choice) {
  return OrderedJson::array({comparison(number, first_choice)});
}

TEST_P(ImportFileApi, APublishedLayoutBecomesRecordsWithSuggestions) {
  const auto reply = imported(OrderedJson::array({comparison(7, 0), comparison(8, 5)}));
  ASSERT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["format"], "pandalm");
  EXPECT_EQ(reply.body["rows_read"], 2);
  EXPECT_EQ(reply.body["records"], 2);
  EXPECT_EQ(reply.body["dropped"][0]["first_row"], 2);
  EXPECT_NE(to_line(reply.body["warnings"]).find("nobody trains on them"), std::string::npos);
  const OrderedJson made = all_records();
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0]["external_id"], "PandaLM test set:7");
  EXPECT_EQ(made[1]["external_id"], "PandaLM test set:7#2");
  EXPECT_EQ(made[0]["fields"]["response-2"], "L");
  EXPECT_EQ(to_line(made[0]["suggestions"][0]["value"]),
            R"([{"value":"response-1","rank":1},{"value":"response-2","rank":1}])");
  EXPECT_EQ(made[1]["suggestions"][0]["agent"], "annotator2");
  EXPECT_EQ(made[0]["metadata"]["licence"], "Apache-2.0");
}

TEST_P(ImportFileApi, ARowThatComesAgainChangesItsRecord) {
  ASSERT_EQ(imported(one_row(7, 1)).status, 200);
  ASSERT_EQ(imported(one_row(7, 2)).body["records"], 2);
  const OrderedJson made = all_records();
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0]["suggestions"][0]["value"][0]["value"], "response-2");
}

// HH-RLHF's rows have no names, and its files the same places.
OrderedJson transcripts(const std::string& question) {
  return OrderedJson::array(
      {{{"chosen", "\n\nHuman: " + question + "\n\nAssistant: Yes."},
        {"rejected", "\n\nHuman: " + question + "\n\nAssistant: No."}}});
}

TEST_P(ImportFileApi, AnotherFileLeavesTheRecordsOfTheFirst) {
  ASSERT_EQ(imported(transcripts("Rain?")).body["records"], 1);
  ASSERT_EQ(imported(transcripts("Sun?")).body["records"], 1);
  ASSERT_EQ(imported(transcripts("Rain?")).body["records"], 1);
  const OrderedJson made = all_records();
  ASSERT_EQ(made.size(), 2U) << made;
  EXPECT_EQ(made[0]["fields"]["prompt"][0]["content"], "Rain?");
  EXPECT_EQ(made[1]["fields"]["prompt"][0]["content"], "Sun?");
  // What an export says of them makes the same records again.
  const std::string path = "/api/attune/v1/datasets/" + schema_.dataset.id + "/export";
  const auto prompts = get("lead", path + "?format=prompts").text;
  const OrderedJson first = parse_ordered_json(prompts.substr(0, prompts.find('\n'))).value();
  EXPECT_EQ(first["id"], made[0]["external_id"]);
  EXPECT_EQ(first["source"]["row"], "1");
  EXPECT_EQ(first["source"]["row_is_position"], true);
}

TEST_P(ImportFileApi, MoreRowsThanABatchAreWritten) {
  OrderedJson rows = OrderedJson::array();
  for (int i = 0; i < 260; ++i) rows.push_back(comparison(i, 1));
  const auto reply = imported(rows, "?format=pandalm&source_dataset=mine&licence=MIT");
  ASSERT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["records"], 520);
  EXPECT_EQ(all_records()[0]["external_id"], "mine:0");
  EXPECT_EQ(told(), "20 500 ") << "each batch";
}

TEST_P(ImportFileApi, RefusalsSayWhy) {
  const auto detail_of = [](const testing::Reply& reply) {
    EXPECT_EQ(reply.status, 422) << reply.text;
    return to_line(reply.body["detail"]);
  };
  EXPECT_NE(detail_of(imported(one_row(7, 1), "?format=pandaml")).find("pandalm"),
            std::string::npos);
  EXPECT_NE(detail_of(imported(json(R"([{"prompt":"p","completion":"c"}])"))).find("do not fit"),
            std::string::npos);
  EXPECT_NE(detail_of(imported("neither rows nor a table")).find("the file"), std::string::npos);
  EXPECT_EQ(imported(one_row(7, 1), "", "ann").status, 403);
  EXPECT_EQ(imported(one_row(7, 1), "", "stranger").status, 403);
  EXPECT_EQ(all_records().size(), 0U);
}

TEST_P(ImportFileApi, ADataSetOfAnotherShapeIsNamed) {
  schema_ = new_dataset();  // of everything, in another workspace
  const auto reply = imported(one_row(7, 1), "", "owner");
  EXPECT_EQ(reply.status, 422) << reply.text;
  EXPECT_NE(reply.text.find("attune import --dataset"), std::string::npos);
}

// An import that outlasts the server's time to end ends between two batches, and says so.
TEST_P(ImportFileApi, TheEndOfTheServerEndsIt) {
  services().ended = true;
  const auto cut = imported(one_row(1, 1));
  EXPECT_EQ(cut.status, 503);
  EXPECT_NE(cut.text.find("try again"), std::string::npos) << cut.text;
  EXPECT_EQ(all_records().size(), 0U);
  services().ended = false;
  EXPECT_EQ(told(), "") << "nothing was done";
  EXPECT_EQ(imported(one_row(1, 1)).status, 200);
  EXPECT_EQ(told(), "2 ");
}

TEST_P(ImportFileApi, WhatTheAuditLogDoesNotTakeIsNotWritten) {
  const auto renamed = [&](const std::string& from, const std::string& to) {
    return database().write([&](store::Connection& c) {
      return c.run("ALTER TABLE " + from + " RENAME TO " + to);
    });
  };
  ASSERT_TRUE(renamed("audit_log", "audit_log_away").ok());
  EXPECT_EQ(imported(one_row(1, 1)).status, 500);
  // What is wrong with the file is said all the same.
  EXPECT_EQ(imported("neither rows nor a table").status, 422);
  ASSERT_TRUE(renamed("audit_log_away", "audit_log").ok());
  EXPECT_EQ(all_records().size(), 0U);
}

INSTANTIATE_BOTH_DATABASES(ImportFileApi);

}  // namespace
}  // namespace attune::api
