// Exports: nothing that people said is lost, and the training forms read back as examples.
#include "data/csv.h"
#include "data/example.h"
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

// Two candidates and their ranking, a corrected answer, and where the prompt came from.
domain::Schema preference_schema() {
  domain::Schema schema;
  schema.dataset.published = true;
  schema.fields = {domain::field("prompt", true, R"({"type":"text","use_markdown":false})"),
                   domain::field("response-1", true, R"({"type":"text","use_markdown":false})"),
                   domain::field("response-2", true, R"({"type":"text","use_markdown":false})"),
                   domain::field("response-3", false, R"({"type":"text","use_markdown":false})")};
  const std::string options =
      R"("options":[{"value":"response-1","text":"1","description":null},)"
      R"({"value":"response-2","text":"2","description":null},)"
      R"({"value":"response-3","text":"3","description":null}])";
  schema.questions = {
      domain::question("order", true, R"({"type":"ranking",)" + options + "}"),
      domain::question("better", false, R"({"type":"text","use_markdown":false})")};
  return schema;
}

class ExportApi : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    const std::string workspace = schema_.dataset.workspace_id;
    schema_ = new_dataset(preference_schema());
    database()
        .write([&](store::Connection& c) -> Status {
          TRY(c.run("UPDATE datasets SET workspace_id = $2 WHERE id = $1",
                    {schema_.dataset.id, workspace}));
          TRY(c.run("INSERT INTO guideline_versions (dataset, version, text, at) "
                    "VALUES ($1, 2, 'be kind', '2024')",
                    {schema_.dataset.position}));
          return {};
        })
        .value();
    const std::string ranking = R"({"value":[{"value":"response-1","rank":2},
        {"value":"response-2","rank":1},{"value":"response-3","rank":2}]})";
    upsert(R"([{"external_id":"p-1",
      "fields":{"prompt":"Hi","response-1":"A","response-2":"B","response-3":"C"},
      "metadata":{"source_dataset":"tatsu-lab/alpaca","source_row":"7","licence":"cc-by-nc-4.0",
                  "warning":"be kind"},
      "suggestions":[{"question_id":")" +
           question_id("better") + R"(","value":"Hello!","agent":"falcon"}],
      "responses":[{"user_id":")" +
           ids_["ann"] + R"(","status":"submitted",
                    "values":{"better":{"value":"Hello!"},"order":)" + ranking + R"(}},
                   {"user_id":")" + ids_["bob"] + R"(","status":"discarded"}]},
     {"external_id":"p-2",
      "fields":{"prompt":"Bye, \"you\"","response-1":"D","response-2":"E"},
      "responses":[{"user_id":")" + ids_["bob"] + R"(","status":"draft",
                    "values":{"better":{"value":"Goodbye."}}}]}])");
  }

  std::string id_of(const std::string& external_id) {
    for (const OrderedJson& line : lines(exported("format=jsonl"))) {
      if (line["external_id"] == external_id) return line["id"];
    }
    return "";
  }
  // On p-1: the third is the best.
  void decide() {
    const auto ranking = json(R"([{"value":"response-3","rank":1},{"value":"response-1","rank":2},
                                  {"value":"response-2","rank":3}])");
    const auto decided =
        put("rev", "/api/attune/v1/records/" + id_of("p-1") + "/adjudication",
            {{"values", {{"order", {{"value", ranking}}}}}, {"note", "the third is kind"}});
    ASSERT_EQ(decided.status, 200) << decided.text;
  }
  testing::Reply exported(const std::string& query) {
    return get("lead", "/api/attune/v1/datasets/" + schema_.dataset.id + "/export?" + query);
  }
  static std::vector<OrderedJson> lines(const testing::Reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.text;
    std::vector<OrderedJson> all;
    for (size_t from = 0; from < reply.text.size();) {
      const size_t end = reply.text.find('\n', from);
      EXPECT_NE(end, std::string::npos) << "a line without an end";
      all.push_back(json(reply.text.substr(from, end - from)));
      from = end + 1;
    }
    return all;
  }
};

TEST_P(ExportApi, JsonLinesLoseNothing) {
  const auto reply = exported("format=jsonl");
  EXPECT_EQ(*reply.headers.find("Content-Type"), "application/x-ndjson");
  const auto all = lines(reply);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["external_id"], "p-1");
  EXPECT_EQ(all[0]["metadata"]["licence"], "cc-by-nc-4.0");
  EXPECT_EQ(all[0]["suggestions"][0]["question"], "better");
  ASSERT_EQ(all[0]["responses"].size(), 2U);
  const auto& first = all[0]["responses"][0];
  EXPECT_EQ(first["annotator"], "ann");
  EXPECT_EQ(first["status"], "submitted");
  EXPECT_EQ(first["guideline_version"], 2);
  EXPECT_EQ(to_line(first["values"]["order"]["value"]),
            R"([{"value":"response-2","rank":1},{"value":"response-1","rank":2},)"
            R"({"value":"response-3","rank":2}])");
  EXPECT_EQ(all[0]["responses"][1]["status"], "discarded");
  EXPECT_EQ(all[1]["responses"][0]["status"], "draft");
  EXPECT_EQ(lines(exported("status=submitted"))[1]["responses"].size(), 0U);
}

// Lines are put together from stored JSON: they must be what the JSON writer makes of them.
TEST_P(ExportApi, LinesOfWholeRecordsAreCompactJsonWhateverTheyHold) {
  upsert(R"([{"external_id":"q \"1\" \\ \u0001 \u00e9\ud83d\ude00",
      "fields":{"prompt":"tab\t \u2028 \"q\" \\ </script>","response-1":"","response-2":"\u00e9"},
      "metadata":{"source_row":"x\n"},
      "suggestions":[{"question_id":")" +
         question_id("better") + R"(","value":"a \"b\"","agent":"m-1","score":0.1}],
      "responses":[{"user_id":")" + ids_["ann"] + R"(","status":"draft","seconds_spent":1.5e-7,
                    "shown_order":["response-2","response-1","response-3"],
                    "values":{"better":{"value":"\u00fc\r\n"}}}]}])");
  const auto reply = exported("format=jsonl&include=vectors");
  const auto all = lines(reply);
  ASSERT_EQ(all.size(), 3U);
  std::string again;
  for (const OrderedJson& line : all) again += to_line(line) + "\n";
  EXPECT_EQ(reply.text, again);
  EXPECT_EQ(all[2]["external_id"], "q \"1\" \\ \x01 é😀");
  EXPECT_EQ(all[2]["fields"]["prompt"], "tab\t \u2028 \"q\" \\ </script>");
  EXPECT_EQ(all[2]["suggestions"][0]["score"], 0.1);
  EXPECT_EQ(all[2]["suggestions"][0]["type"], nullptr);
  EXPECT_EQ(all[2]["responses"][0]["seconds_spent"], 1.5e-7);
  EXPECT_EQ(all[2]["responses"][0]["shown_order"][0], "response-2");
  EXPECT_EQ(all[2]["responses"][0]["guideline_version"], 2);
  EXPECT_EQ(all[1]["metadata"], nullptr);
  std::vector<std::string> names;
  for (const auto& [name, value] : all[2].items()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"id", "external_id", "status", "fields", "metadata",
                                             "suggestions", "responses", "inserted_at",
                                             "updated_at"}));
}

TEST_P(ExportApi, RankingsKeepTiesAndGapsAndNameTheirSource) {
  const auto all = lines(exported("format=rankings"));
  ASSERT_EQ(all.size(), 1U);
  const auto example = data::parse_example(all[0]).value();
  EXPECT_EQ(example.form, data::Form::kRanking);
  EXPECT_EQ(std::get<std::string>(*example.prompt), "Hi");
  ASSERT_EQ(example.completions.size(), 3U);
  EXPECT_EQ(std::get<std::string>(example.completions[1]), "B");
  EXPECT_EQ(example.ranks, (std::vector<std::optional<int>>{2, 1, 2}));
  EXPECT_EQ(example.annotator, "ann");
  EXPECT_EQ(example.guideline_version, "2");
  EXPECT_EQ(example.source->dataset, "tatsu-lab/alpaca");
  EXPECT_EQ(example.source->row, "7");
  EXPECT_EQ(example.source->licence, "cc-by-nc-4.0");
  EXPECT_EQ(example.source->warning, "be kind");
}

TEST_P(ExportApi, PreferencesAreThePairsOfTheRule) {
  const auto pairs = [&](const std::string& query) {
    std::string text;
    for (const auto& row : lines(exported("format=trl_preference&" + query))) {
      const auto example = data::parse_example(row).value();
      text += std::get<std::string>(*example.chosen) + ">" +
              std::get<std::string>(*example.rejected) +
              (example.chosen_probability ? "~ " : " ");
    }
    return text;
  };
  EXPECT_EQ(pairs("rule=all"), "B>A B>C ");
  EXPECT_EQ(pairs("rule=all&ties=half"), "B>A B>C A>C~ ");
  EXPECT_EQ(pairs("rule=best_vs_worst"), pairs("rule=best_vs_worst&ties=skip"));
  EXPECT_EQ(exported("format=trl_preference&rule=bset").status, 422);
}

TEST_P(ExportApi, WhatAReviewerDecidedStandsInPlaceOfTheAnswers) {
  decide();
  const auto rows = lines(exported("format=rankings"));
  ASSERT_EQ(rows.size(), 1U);
  const auto example = data::parse_example(rows[0]).value();
  EXPECT_EQ(example.ranks, (std::vector<std::optional<int>>{2, 3, 1}));
  EXPECT_EQ(example.annotator, "rev");
  EXPECT_EQ(example.extra["adjudicated"], true);
  EXPECT_EQ(lines(exported("format=trl_preference"))[0]["annotator"], "rev");
  const auto people = lines(exported("format=rankings&answers=annotators"));
  ASSERT_EQ(people.size(), 1U);
  EXPECT_EQ(people[0]["annotator"], "ann");
  EXPECT_FALSE(people[0].contains("adjudicated"));
  // A question that it says nothing of keeps people's answers.
  EXPECT_EQ(lines(exported("format=trl_sft"))[0]["completion"], "Hello!");
  // Other answers than submitted ones are not what was decided on.
  EXPECT_EQ(lines(exported("format=rankings&status=discarded")).size(), 0U);
  EXPECT_EQ(exported("format=rankings&answers=all").status, 422);
  const std::string csv = exported("format=csv").text;
  EXPECT_NE(csv.find(",rev,adjudicated,"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",ann,submitted,"), std::string::npos) << csv;
  EXPECT_EQ(exported("format=csv&status=submitted").text.find("adjudicated"), std::string::npos);
}

TEST_P(ExportApi, WholeRecordsHoldDecisionsGoldAnswersAndComments) {
  decide();
  const std::string path = "/api/attune/v1/records/" + id_of("p-2");
  const auto gold = json(R"({"order":{"value":[{"value":"response-1","rank":1},
      {"value":"response-2","rank":2},{"value":"response-3","rank":3}]}})");
  ASSERT_EQ(put("lead", path + "/gold", {{"values", gold}}).status, 200);
  ASSERT_EQ(post("bob", path + "/comments", {{"text", "odd \"one\""}}).status, 201);
  const auto reply = exported("format=jsonl");
  const auto all = lines(reply);
  EXPECT_EQ(reply.text, to_line(all[0]) + "\n" + to_line(all[1]) + "\n");
  EXPECT_EQ(all[0]["adjudication"]["reviewer"], "rev");
  EXPECT_EQ(all[0]["adjudication"]["user_id"], ids_["rev"]);
  EXPECT_EQ(all[0]["adjudication"]["note"], "the third is kind");
  EXPECT_EQ(all[0]["adjudication"]["values"]["order"]["value"][0]["value"], "response-3");
  EXPECT_EQ(all[0]["responses"].size(), 2U);
  EXPECT_FALSE(all[0].contains("gold"));
  EXPECT_FALSE(all[1].contains("adjudication"));
  EXPECT_EQ(all[1]["gold"]["values"], gold);
  EXPECT_EQ(all[1]["gold"]["note"], nullptr);
  ASSERT_EQ(all[1]["comments"].size(), 1U);
  EXPECT_EQ(all[1]["comments"][0]["author"], "bob");
  EXPECT_EQ(all[1]["comments"][0]["text"], "odd \"one\"");
}

TEST_P(ExportApi, ASnapshotKeepsWhatWasDecidedUntilThePersonIsForgotten) {
  const std::string path = "/api/attune/v1/datasets/" + schema_.dataset.id + "/snapshots";
  const auto before = post("lead", path, {{"name", "before"}});
  decide();
  const auto after = post("lead", path, {{"name", "after"}});
  ASSERT_EQ(after.status, 201) << after.text;
  EXPECT_NE(before.body["hash"], after.body["hash"]);
  const auto annotator = [&](const std::string& query) {
    return lines(exported("format=rankings&" + query))[0]["annotator"];
  };
  EXPECT_EQ(annotator("snapshot=before"), "ann");
  EXPECT_EQ(annotator("snapshot=after"), "rev");
  EXPECT_EQ(annotator("snapshot=after&answers=annotators"), "ann");
  EXPECT_EQ(post("owner", "/api/attune/v1/users/" + ids_["rev"] + "/forget", nullptr).status, 200);
  EXPECT_EQ(annotator("snapshot=after"), "ann");
  EXPECT_EQ(annotator(""), "ann");
  EXPECT_EQ(exported("format=jsonl&snapshot=after").text.find("the third is kind"),
            std::string::npos);
}

TEST_P(ExportApi, CorrectedAnswersBecomeInstructionData) {
  const auto all = lines(exported("format=trl_sft"));
  ASSERT_EQ(all.size(), 1U);
  const auto example = data::parse_example(all[0]).value();
  EXPECT_EQ(example.form, data::Form::kCompletion);
  EXPECT_EQ(std::get<std::string>(*example.prompt), "Hi");
  EXPECT_EQ(std::get<std::string>(*example.completion), "Hello!");
  EXPECT_EQ(example.source->generated_by, "falcon");  // left as the model wrote it
  const auto drafts = lines(exported("format=trl_sft&status=draft"));
  ASSERT_EQ(drafts.size(), 1U);
  EXPECT_EQ(drafts[0]["completion"], "Goodbye.");
  EXPECT_FALSE(drafts[0]["source"].contains("generated_by") &&
               drafts[0]["source"]["generated_by"] != "");
  EXPECT_EQ(lines(exported("format=trl_sft&prompt=response-1"))[0]["prompt"], "A");
}

TEST_P(ExportApi, PromptsComeFromEveryRecord) {
  const auto all = lines(exported("format=prompts"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(data::parse_example(all[0]).value().form, data::Form::kPrompt);
  EXPECT_EQ(all[1]["prompt"], "Bye, \"you\"");
  EXPECT_EQ(all[0]["source"]["licence"], "cc-by-nc-4.0");
}

TEST_P(ExportApi, CsvHasALineForEachAnswer) {
  const auto reply = exported("format=csv");
  EXPECT_NE(reply.headers.find("Content-Disposition")->find(".csv"), std::string::npos);
  std::vector<std::vector<std::string>> rows;
  ASSERT_TRUE(data::for_each_csv_record(reply.text, [&](int64_t, std::vector<std::string> row) {
                rows.push_back(std::move(row));
                return Status();
              }).ok());
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_EQ(rows[0][3], "fields.prompt");
  EXPECT_EQ(rows[3][3], "Bye, \"you\"");
  EXPECT_EQ(rows[1][8], "ann");
  EXPECT_EQ(rows[2][9], "discarded");
}

TEST_P(ExportApi, WhatTheDataSetLacksIsSaid) {
  const auto no_such = exported("format=trl_sft&question=order");
  EXPECT_EQ(no_such.status, 422);
  EXPECT_NE(no_such.text.find("no text question named `order`"), std::string::npos);
  EXPECT_EQ(exported("format=parquet").status, 422);
  EXPECT_EQ(exported("format=trl_sft&prompt=zz").status, 422);
  for (const char* name : {"ann", "rev", "stranger"}) {
    EXPECT_EQ(get(name, "/api/attune/v1/datasets/" + schema_.dataset.id + "/export").status, 403);
  }
}

TEST_P(ExportApi, AnOptionThatTheFormatDoesNotTakeIsNotDroppedInSilence) {
  for (const char* query :
       {"answers=annotators", "format=csv&answers=annotators", "format=prompts&answers=annotators",
        "format=csv&question=order", "prompt=prompt", "format=trl_sft&completion=response-1",
        "format=rankings&positive=good", "format=jsonl&negative=bad", "format=rankings&rule=all",
        "format=trl_sft&ties=skip", "format=prompts&status=draft", "format=csv&include=vectors"}) {
    const auto reply = exported(query);
    EXPECT_EQ(reply.status, 422) << query;
    EXPECT_NE(reply.text.find("does not take"), std::string::npos) << query << reply.text;
  }
  EXPECT_EQ(exported("format=csv&status=draft").status, 200);
  EXPECT_EQ(exported("format=csv&answers=adjudicated").status, 200) << "what it does anyway";
  EXPECT_EQ(exported("format=prompts&question=order&prompt=prompt").status, 200);
}

// As on a full disk: what is there can be taken away.
TEST_P(ExportApi, AnAuditLogThatTakesNoLineStopsNoExport) {
  const std::string before = exported("format=csv").text;
  const auto renamed = [&](const std::string& from, const std::string& to) {
    return database().write([&](store::Connection& c) {
      return c.run("ALTER TABLE " + from + " RENAME TO " + to);
    });
  };
  ASSERT_TRUE(renamed("audit_log", "audit_log_away").ok());
  const auto reply = exported("format=csv");
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.text, before);
  ASSERT_TRUE(renamed("audit_log_away", "audit_log").ok());
}

// Thumbs on one answer, and a choice between two of which one may be a tie.
class ThumbsExport : public ExportApi {
 protected:
  void use(const std::string& options, const std::vector<std::string>& fields,
           const std::vector<std::string>& answers) {
    domain::Schema schema;
    schema.dataset.published = true;
    OrderedJson contents = OrderedJson::object();
    for (const std::string& name : fields) {
      schema.fields.push_back(
          domain::field(name, true, R"({"type":"text","use_markdown":false})"));
      contents[name] = name + "'s";
    }
    OrderedJson settings = {{"type", "label_selection"}, {"visible_options", nullptr}};
    for (const OrderedJson& option : json(options)) {
      settings["options"].push_back(
          {{"value", option}, {"text", option}, {"description", nullptr}});
    }
    schema.questions = {domain::question("verdict", true, to_line(settings))};
    schema_ = new_dataset(schema);
    OrderedJson items = OrderedJson::array();
    for (const std::string& answer : answers) {
      items.push_back({{"fields", contents}, {"external_id", std::to_string(items.size())}});
      items.back()["responses"] = {{{"user_id", ids_["owner"]},
                                    {"status", "submitted"},
                                    {"values", {{"verdict", {{"value", answer}}}}}}};
    }
    const auto written = put("owner", "/api/v1/datasets/" + schema_.dataset.id + "/records/bulk",
                             {{"items", items}});
    ASSERT_EQ(written.status, 200) << written.text;
  }
  testing::Reply rows(const std::string& query) {
    return get("owner", "/api/attune/v1/datasets/" + schema_.dataset.id + "/export?" + query);
  }
  std::string labels(const std::string& query) {
    std::string text;
    for (const OrderedJson& row : lines(rows("format=trl_unpaired&" + query))) {
      text += data::parse_example(row).value().label ? '+' : '-';
    }
    return text;
  }
};

TEST_P(ThumbsExport, LabelsThatSayWhatTheyMeanBecomeThumbs) {
  use(R"(["good","bad"])", {"prompt", "response"}, {"good", "bad", "good"});
  const auto all = lines(rows("format=trl_unpaired"));
  ASSERT_EQ(all.size(), 3U);
  const auto example = data::parse_example(all[1]).value();
  EXPECT_EQ(example.form, data::Form::kUnpaired);
  EXPECT_EQ(std::get<std::string>(*example.prompt), "prompt's");
  EXPECT_EQ(std::get<std::string>(*example.completion), "response's");
  EXPECT_EQ(example.annotator, "owner");
  EXPECT_EQ(labels(""), "+-+");
  EXPECT_EQ(labels("positive=bad"), "-+-");
  EXPECT_EQ(labels("completion=prompt&prompt=response"), "+-+");
  // As pairs they would be trained on as answers: "good" over "bad".
  for (const char* format : {"trl_preference", "rankings"}) {
    const auto refused = rows(std::string("format=") + format);
    EXPECT_EQ(refused.status, 422) << refused.text;
    EXPECT_NE(refused.text.find("trl_unpaired"), std::string::npos) << refused.text;
  }
}

TEST_P(ThumbsExport, WhereItIsNotEvidentTheCallerSays) {
  use(R"(["ship","so-so","stop"])", {"prompt", "text", "reply"}, {"ship", "so-so", "stop"});
  const auto refused = [&](const std::string& query) {
    const auto reply = rows("format=trl_unpaired&" + query);
    EXPECT_EQ(reply.status, 422) << reply.text;
    return reply.text;
  };
  EXPECT_NE(refused("").find("completion="), std::string::npos);
  EXPECT_NE(refused("completion=none").find("`none` is none"), std::string::npos);
  EXPECT_NE(refused("completion=reply").find("positive="), std::string::npos);
  EXPECT_NE(refused("completion=reply&positive=shop").find("none of its options"),
            std::string::npos);
  EXPECT_NE(refused("completion=reply&positive=ship&negative=ship").find("twice"),
            std::string::npos);
  EXPECT_EQ(labels("completion=reply&positive=ship"), "+--");
  EXPECT_EQ(labels("completion=reply&negative=stop"), "++-");
  EXPECT_EQ(labels("completion=reply&positive=ship&negative=stop"), "+-");  // so-so is neither
  EXPECT_EQ(labels("completion=reply&positive=ship&positive=so-so"), "++-");
}

TEST_P(ThumbsExport, AnOptionThatNamesNoFieldIsNoCandidate) {
  use(R"(["one","two","a tie"])", {"prompt", "one", "two"}, {"one", "a tie"});
  const auto rankings = lines(rows("format=rankings"));
  ASSERT_EQ(rankings.size(), 2U);
  EXPECT_EQ(rankings[0]["completions"], OrderedJson({"one's", "two's"}));
  EXPECT_EQ(rankings[0]["ranks"], OrderedJson({1, 2}));
  EXPECT_EQ(rankings[1]["ranks"], OrderedJson({2, 2}));
  EXPECT_EQ(lines(rows("format=trl_preference")).size(), 1U);
  const auto refused = rows("format=trl_unpaired");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.text.find("trl_preference"), std::string::npos) << refused.text;
}

TEST_P(ExportApi, LongDataSetsComeInPagesWithoutGapsOrDoubles) {
  for (int batch = 0; batch < 3; ++batch) {
    OrderedJson items = OrderedJson::array();
    for (int i = 0; i < 400; ++i) {
      items.push_back({{"external_id", fmt::format("{}-{}", batch, i)},
                       {"fields", {{"prompt", "p"}, {"response-1", "x"}, {"response-2", "y"}}}});
    }
    upsert(to_line(items));
  }
  const auto all = lines(exported("format=jsonl"));
  ASSERT_EQ(all.size(), 1202U);
  for (int i = 0; i < 1200; ++i) {
    EXPECT_EQ(all[static_cast<size_t>(i + 2)]["external_id"],
              fmt::format("{}-{}", i / 400, i % 400));
  }
}

INSTANTIATE_BOTH_DATABASES(ExportApi);
INSTANTIATE_BOTH_DATABASES(ThumbsExport);

}  // namespace
}  // namespace attune::api
