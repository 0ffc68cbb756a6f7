#include "server/store/records.h"

#include "server/domain/identity.h"
#include "server/store/dataset_stored.h"
#include "server/store/suggestions.h"

namespace attune::store {
namespace {

using domain::json;

constexpr RecordParts kAllParts{.responses = true, .suggestions = true, .vectors = true};

class RecordsTest : public testing::DatasetStored {
 protected:
  const domain::Question& question(const char* name) {
    return *domain::question_named(schema_, name);
  }

  static domain::RecordChange change(const std::string& text) {
    domain::RecordChange one;
    one.fields = OrderedJson{{"text", text}};
    return one;
  }

  // As the API does it: what is there is matched, then written.
  std::vector<WrittenRecord> write(const std::vector<domain::RecordChange>& changes) {
    return in_write([&](Connection& c) { return write_in(c, changes); });
  }
  Result<std::vector<WrittenRecord>> write_in(Connection& c,
                                              const std::vector<domain::RecordChange>& changes) {
    const auto matched = TRY(match_records(c, schema_, changes));
    std::vector<RecordWrite> writes;
    for (size_t i = 0; i < changes.size(); ++i) {
      writes.push_back({&changes[i], matched[i] ? &*matched[i] : nullptr});
    }
    return write_records(c, schema_, writes, {.author_id = "lead", .client = "test"});
  }

  std::vector<domain::Record> list(int64_t offset = 0, int64_t limit = 50,
                                   const RecordParts& parts = kAllParts) {
    return database()
        .read([&](Connection& c) { return list_records(c, schema_, offset, limit, parts); })
        .value();
  }

  int64_t rows_in(const std::string& table) {
    return database()
        .read([&](Connection& c) { return c.run("SELECT count(*) FROM " + table); })
        .value()[0]
        .integer(0);
  }
};

TEST_P(RecordsTest, ComeBackInTheOrderOfInsertionWithAllParts) {
  domain::RecordChange first = change("one");
  first.external_id = "e1";
  first.metadata = json(R"({"lang":"en","free":[1,{"deep":null}]})");
  first.suggestions = {{.question_id = question("note").id,
                        .value = "try this",
                        .type = "model",
                        .agent = "m-1",
                        .score = 0.5}};
  first.responses = {{.user_id = "ann",
                      .status = domain::ResponseStatus::kDraft,
                      .values = json(R"({"note":{"value":"hm"}})")}};
  first.vectors = json(R"({"v":[0.1,-2]})");
  std::vector<domain::RecordChange> changes = {first};
  for (int i = 0; i < 150; ++i) changes.push_back(change(std::to_string(i)));
  const auto written = write(changes);
  ASSERT_EQ(written.size(), 151U);
  EXPECT_TRUE(written[0].is_new);

  const auto page = list(0, 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, written[0].id);
  EXPECT_EQ(page[0].external_id, "e1");
  EXPECT_EQ(page[0].dataset_id, schema_.dataset.id);
  EXPECT_EQ(page[0].metadata, *first.metadata);
  EXPECT_FALSE(page[0].completed);
  EXPECT_EQ(page[0].inserted_at, page[0].updated_at);
  ASSERT_EQ(page[0].suggestions.size(), 1U);
  EXPECT_EQ(page[0].suggestions[0].question_id, question("note").id);
  EXPECT_EQ(page[0].suggestions[0].record_id, page[0].id);
  EXPECT_EQ(page[0].suggestions[0].score, 0.5);
  ASSERT_EQ(page[0].responses.size(), 1U);
  EXPECT_EQ(page[0].responses[0].user_id, "ann");
  EXPECT_EQ(page[0].vectors.at("v"), (std::vector<float>{0.1F, -2.0F}));
  EXPECT_TRUE(page[1].vectors.empty());
  const auto tail = list(149, 50);
  ASSERT_EQ(tail.size(), 2U);
  EXPECT_EQ(tail[1].fields, json(R"({"text":"149"})"));
}

TEST_P(RecordsTest, PartsThatWereNotAskedForStayAway) {
  domain::RecordChange one = change("one");
  one.vectors = json(R"({"v":[1,2]})");
  one.responses = {{.user_id = "ann"}, {.user_id = "bob"}};
  write({one});
  EXPECT_TRUE(list(0, 1, {})[0].responses.empty());
  const auto own = list(0, 1, {.responses = true, .responses_of = "bob"});
  ASSERT_EQ(own[0].responses.size(), 1U);
  EXPECT_EQ(own[0].responses[0].user_id, "bob");
  EXPECT_TRUE(list(0, 1, {.vectors = true, .vector_names = {"other"}})[0].vectors.empty());
  EXPECT_EQ(list(0, 1, {.vectors = true, .vector_names = {"v"}})[0].vectors.size(), 1U);
}

TEST_P(RecordsTest, AreMetByIdThenByExternalIdAndKeepWhatIsNotGiven) {
  domain::RecordChange one = change("before");
  one.external_id = "e1";
  one.metadata = json(R"({"lang":"en"})");
  const auto made = write({one});
  domain::RecordChange metadata_only;
  metadata_only.external_id = "e1";
  metadata_only.metadata = json(R"({"lang":"de"})");
  const auto again = write({metadata_only});
  EXPECT_EQ(again[0].id, made[0].id);
  EXPECT_FALSE(again[0].is_new);
  domain::RecordChange by_id = change("after");
  by_id.id = made[0].id;
  by_id.external_id = "renamed";
  write({by_id});
  const auto all = list();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].fields, json(R"({"text":"after"})"));
  EXPECT_EQ(all[0].metadata, json(R"({"lang":"de"})"));
  EXPECT_EQ(all[0].external_id, "renamed");
  EXPECT_LT(all[0].inserted_at, all[0].updated_at);
  EXPECT_EQ(rows_in("metadata_values"), 1);
  domain::RecordChange cleared;
  cleared.id = made[0].id;
  cleared.metadata = OrderedJson();
  write({cleared});
  EXPECT_TRUE(list()[0].metadata.is_null());
  EXPECT_EQ(rows_in("metadata_values"), 0);
}

TEST_P(RecordsTest, AnotherDataSetsRecordsAreNotMet) {
  domain::RecordChange one = change("one");
  one.external_id = "e1";
  const auto made = write({one});
  schema_ = in_write([&](Connection& c) {
    return testing::store_schema(c, domain::schema_of_everything());
  });
  one.id = made[0].id;
  const auto other = write({one});
  EXPECT_TRUE(other[0].is_new);
  EXPECT_NE(other[0].id, made[0].id);
}

TEST_P(RecordsTest, SuggestionsAreReplacedOneByOneOrAllTogether) {
  domain::RecordChange one = change("one");
  one.suggestions = {{.question_id = question("note").id, .value = "a"},
                     {.question_id = question("stars").id, .value = 1}};
  const auto made = write({one});
  const auto before = list()[0].suggestions;
  domain::RecordChange merged;
  merged.id = made[0].id;
  merged.suggestions = {{.question_id = question("stars").id, .value = 2}};
  write({merged});
  auto after = list()[0].suggestions;
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[1].value, 2);
  EXPECT_EQ(after[1].id, before[1].id);
  EXPECT_EQ(after[0].value, "a");
  EXPECT_EQ(rows_in("suggestion_values"), 2);
  merged.replaces_suggestions = true;
  write({merged});
  after = list()[0].suggestions;
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].question_id, question("stars").id);
  EXPECT_EQ(rows_in("suggestion_values"), 1);
}

TEST_P(RecordsTest, ASideTableSaysWhatFiltersLookAt) {
  domain::RecordChange one = change("one");
  one.metadata = json(R"({"lang":"en","flag":true,"count":7,"score":1,"extra":"no"})");
  one.suggestions = {{.question_id = question("tags").id,
                      .value = json(R"(["a","c"])"),
                      .score = json("[0.25,0.75]")}};
  one.responses = {{.user_id = "ann",
                    .status = domain::ResponseStatus::kSubmitted,
                    .values = json(R"({"stars":{"value":2},"kind":{"value":"b"}})")}};
  write({one});
  const auto rows = [&](const std::string& sql) {
    std::string text;
    for (const Row& row : database().read([&](Connection& c) { return c.run(sql); }).value()) {
      for (size_t i = 0; i < row.size(); ++i) text += row.text_or_null(i).value_or("-") + " ";
    }
    return text;
  };
  // Numbers as text, so that one query serves both data bases.
  EXPECT_EQ(rows("SELECT term, CAST(CAST(number AS INTEGER) AS TEXT) FROM metadata_values "
                 "ORDER BY term IS NULL, term, number"),
            "en - true - - 1 - 7 ");
  EXPECT_EQ(rows("SELECT term, CAST(CAST(score * 100 AS INTEGER) AS TEXT) FROM suggestion_values "
                 "ORDER BY term"),
            "a 25 c 75 ");
  EXPECT_EQ(rows("SELECT term, CAST(CAST(number AS INTEGER) AS TEXT) FROM answer_values "
                 "ORDER BY term"),
            "2 2 b - ");
}

TEST_P(RecordsTest, AnswersWrittenWithARecordCompleteIt) {
  domain::RecordChange one = change("one");
  one.responses = {{.user_id = "ann", .status = domain::ResponseStatus::kSubmitted}};
  const auto written = write({one, change("two")});
  EXPECT_TRUE(written[0].completed_now);
  EXPECT_FALSE(written[1].completed_now);
  const auto all = list();
  EXPECT_TRUE(all[0].completed);
  EXPECT_FALSE(all[1].completed);
}

TEST_P(RecordsTest, AFailedWriteLeavesNothing) {
  domain::RecordChange one = change("one"), two = change("two");
  one.external_id = two.external_id = "same";
  const Status status = database().write([&](Connection& c) -> Status {
    const std::vector<RecordWrite> writes = {{&one, nullptr}, {&two, nullptr}};
    TRY(write_records(c, schema_, writes, {}));
    return {};
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(list().empty());
}

TEST_P(RecordsTest, DeletionTakesAllButTheHistory) {
  domain::RecordChange one = change("one");
  one.metadata = json(R"({"lang":"en"})");
  one.suggestions = {{.question_id = question("note").id, .value = "a"}};
  one.responses = {{.user_id = "ann", .values = json(R"({"stars":{"value":2}})")}};
  one.vectors = json(R"({"v":[1,2]})");
  const auto made = write({one, change("two")});
  in_write([&](Connection& c) -> Status {
    const std::vector<std::string> ids = {made[0].id, domain::new_id()};
    const auto records = TRY(records_with_ids(c, schema_, ids));
    EXPECT_EQ(records.size(), 1U);
    return delete_records(c, schema_, records);
  });
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].id, made[1].id);
  EXPECT_EQ(database().read([&](Connection& c) { return count_records(c, schema_); }).value(), 1);
  for (const char* table : {"metadata_values", "suggestions", "suggestion_values", "responses",
                            "answer_values", "record_vectors"}) {
    EXPECT_EQ(rows_in(table), 0) << table;
  }
  EXPECT_EQ(rows_in("response_history"), 1);
}

TEST_P(RecordsTest, AgentsAreListedByQuestion) {
  std::vector<domain::RecordChange> changes;
  for (const char* agent : {"b", "a", "b"}) {
    changes.push_back(change(agent));
    changes.back().suggestions = {
        {.question_id = question("note").id, .value = "x", .agent = agent}};
  }
  write(changes);
  const auto all =
      database().read([&](Connection& c) { return suggestion_agents(c, schema_); }).value();
  ASSERT_EQ(all.size(), schema_.questions.size());
  EXPECT_EQ(all[0].question_name, "note");
  EXPECT_EQ(all[0].agents, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(all[1].agents.empty());
}

INSTANTIATE_BOTH_DATABASES(RecordsTest);

}  // namespace
}  // namespace attune::store
