#include "cli/store_import.h"

#include <thread>

#include "data/import.h"
#include "server/domain/schema_fixture.h"
#include "server/store/audit.h"
#include "server/store/search.h"
#include "server/store/test_dataset.h"
#include "tests/support/both_databases.h"

namespace attune::cli {
namespace {

class StoreImportTest : public store::testing::BothDatabases {
 protected:
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    domain::Schema schema;
    schema.dataset.published = true;
    schema.dataset.allow_extra_metadata = true;
    schema.fields = {domain::field("prompt", true, R"({"type":"text","use_markdown":false})")};
    schema.questions = {
        domain::question("response", true, R"({"type":"text","use_markdown":false})")};
    schema_ = database()
                  .write([&](store::Connection& c) {
                    return store::testing::store_schema(c, schema);
                  })
                  .value();
  }

  StoreImportOptions options(bool defer_index) const {
    return {url(), schema_.dataset.workspace_id, schema_.dataset.name, defer_index, 100};
  }
  static data::Example example(int number, const std::string& word) {
    const OrderedJson row = {
        {"prompt", fmt::format("everyword n{} {}", number, word)},
        {"completion", fmt::format("answer {}", number)},
        {"source", {{"dataset", "set"}, {"row", std::to_string(number)}, {"licence", "mit"}}}};
    return data::parse_example(row).value();
  }
  int64_t found(const std::string& text) {
    domain::SearchQuery query;
    query.dataset = schema_.dataset.position;
    query.text = {.text = text, .field = std::nullopt};
    return database()
        .read([&](store::Connection& c) { return store::search_records(c, query); })
        ->total;
  }
  std::vector<domain::Record> records(int64_t offset, int64_t limit) {
    return database()
        .read([&](store::Connection& c) {
          return store::list_records(c, schema_, offset, limit, {.suggestions = true});
        })
        .value();
  }

  domain::Schema schema_;
};

TEST_P(StoreImportTest, RowsBecomeTheRecordsOfAnImportOverHttp) {
  for (const bool defer_index : {false, true}) {
    auto import = StoreImport::open(options(defer_index)).value();
    for (int i = 0; i < 230; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
    EXPECT_EQ(import->finish().value(), 230);
    EXPECT_EQ(found("everyword"), 230) << defer_index;
    EXPECT_EQ(found("n229"), 1);
    const auto last = records(229, 10);
    ASSERT_EQ(last.size(), 1U);
    EXPECT_EQ(last[0].external_id, "set:229");
    EXPECT_EQ(last[0].metadata["licence"], "mit");
    ASSERT_EQ(last[0].suggestions.size(), 1U);
    EXPECT_EQ(last[0].suggestions[0].value, "answer 229");
  }
}

TEST_P(StoreImportTest, TheAuditLogHasALineForEachBatchThatWasWritten) {
  auto import = StoreImport::open(options(true)).value();
  for (int i = 0; i < 230; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
  ASSERT_TRUE(import->finish().ok());
  store::AuditFilter imports;
  imports.action = "records.import";
  const auto list = [&](store::Connection& c) { return store::list_audit_entries(c, imports); };
  const auto lines = database().read(list).value();
  ASSERT_EQ(lines.size(), 3U);
  const int64_t records[] = {30, 100, 100};  // the newest first
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].subject, schema_.dataset.id);
    EXPECT_EQ(lines[i].detail, (OrderedJson{{"records", records[i]}}));
    EXPECT_EQ(lines[i].remote_address, "attune import");
    EXPECT_EQ(lines[i].user_id, std::nullopt);
  }
}

// Two files whose rows have no names: each row's place in its file is no name of it.
TEST_P(StoreImportTest, AnotherFileLeavesTheRecordsOfTheFirst) {
  const std::string monday =
      R"([{"prompt":"m1","completion":"a"},{"prompt":"m2","completion":"b"},)"
      R"({"prompt":"m2","completion":"b"}])";
  const std::string tuesday = R"([{"prompt":"t1","completion":"a"},{"prompt":"m2"}])";
  const auto imported = [&](const std::string& file) {
    auto import = StoreImport::open(options(false)).value();
    data::ImportReport report;
    const auto add = [&](const data::Example& one) { return import->add(one); };
    EXPECT_TRUE(data::import_rows_in(file, "file", nullptr, {}, add, &report).ok());
    return import->finish().value();
  };
  EXPECT_EQ(imported(monday), 3);
  EXPECT_EQ(imported(tuesday), 2);
  EXPECT_EQ(imported(monday), 3);
  const auto all = records(0, 10);
  ASSERT_EQ(all.size(), 5U);
  const char* prompts[] = {"m1", "m2", "m2", "t1", "m2"};
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].fields["prompt"], prompts[i]);
  EXPECT_EQ(all[2].external_id, *all[1].external_id + "#2");
}

TEST_P(StoreImportTest, WordsComeAtTheEndAndRepeatingTheImportMendsOneThatDied) {
  {
    auto import = StoreImport::open(options(true)).value();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
    // It ends here: two batches were begun, and nothing is indexed.
  }
  EXPECT_EQ(records(0, 300).size(), 200U);
  EXPECT_EQ(found("everyword"), 0);
  auto import = StoreImport::open(options(true)).value();
  for (int i = 190; i < 210; ++i) ASSERT_TRUE(import->add(example(i, "second")).ok());
  EXPECT_EQ(import->finish().value(), 20);
  EXPECT_EQ(found("everyword"), 210);
  EXPECT_EQ(found("first"), 190);
  EXPECT_EQ(found("second"), 20);
}

TEST_P(StoreImportTest, WhatIsStoredIsFoundAlsoWhereTheImportEndsByAnError) {
  auto import = StoreImport::open(options(true)).value();
  for (int i = 0; i < 210; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
  ASSERT_TRUE(import->index_stored().ok());  // 200 were being written, 10 were not
  EXPECT_EQ(found("everyword"), 200);
  EXPECT_EQ(records(0, 300).size(), 200U);
}

// The second batch has metadata that the data set does not take any more.
TEST_P(StoreImportTest, WhatIsStoredIsFoundAlsoWhereABatchIsRefused) {
  auto import = StoreImport::open(options(true)).value();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
  while (records(0, 1).empty()) std::this_thread::yield();
  const Status changed = database().write([](store::Connection& c) {
    return c.run_script("UPDATE datasets SET allow_extra_metadata = 0");
  });
  ASSERT_TRUE(changed.ok());
  for (int i = 100; i < 110; ++i) ASSERT_TRUE(import->add(example(i, "second")).ok());
  const auto refused = import->finish();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("rows 101 to 110"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(found("everyword"), 100);
}

TEST_P(StoreImportTest, LettingOthersWriteAfterEachBatchChangesNothing) {
  StoreImportOptions often = options(true);
  often.pause_after = std::chrono::milliseconds(0);
  auto import = StoreImport::open(often).value();
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(import->add(example(i, "first")).ok());
  EXPECT_EQ(import->finish().value(), 250);
  EXPECT_EQ(found("everyword"), 250);
}

TEST_P(StoreImportTest, WhatDoesNotFitIsNamed) {
  StoreImportOptions elsewhere = options(true);
  elsewhere.dataset = "no such";
  const auto missing = StoreImport::open(elsewhere);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  domain::Schema unpublished;
  unpublished.fields = schema_.fields;
  unpublished.questions = schema_.questions;
  const auto named = database().write([&](store::Connection& c) {
    return store::testing::store_schema(c, unpublished);
  });
  elsewhere.workspace = named->dataset.workspace_id;
  elsewhere.dataset = named->dataset.name;
  EXPECT_EQ(StoreImport::open(elsewhere).error().code(), ErrorCode::kConflict);
  auto import = StoreImport::open(options(true)).value();
  const auto preference = data::parse_example(
      OrderedJson{{"prompt", "p"}, {"chosen", "a"}, {"rejected", "b"}, {"id", "r7"}});
  const Status refused = import->add(preference.value());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("r7"), std::string::npos) << refused.error().message();
}

INSTANTIATE_BOTH_DATABASES(StoreImportTest);

}  // namespace
}  // namespace attune::cli
