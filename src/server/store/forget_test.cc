#include "server/store/forget.h"

#include <thread>

#include "base/file.h"
#include "base/sha256.h"
#include "server/domain/identity.h"
#include "server/store/comments.h"
#include "server/store/dataset_stored.h"
#include "server/store/datasets.h"
#include "server/store/record_history.h"
#include "server/store/records.h"
#include "server/store/search.h"
#include "server/store/snapshots.h"
#include "server/store/webhooks.h"

namespace attune::store {
namespace {

using domain::json;

constexpr const char* kSecret = "swordfish";

class ForgetTest : public testing::DatasetStored {
 protected:
  void SetUp() override {
    DatasetStored::SetUp();
    if (IsSkipped()) return;
    domain::RecordChange change;
    change.external_id = kSecret;
    change.fields =
        json(R"({"text":"the swordfish","talk":[{"role":"user","content":"swordfish"}]})");
    change.metadata = json(R"({"any":"swordfish"})");
    change.suggestions = {{.question_id = domain::question_named(schema_, "note")->id,
                           .value = kSecret}};
    change.responses = {{.user_id = "ann",
                         .status = domain::ResponseStatus::kSubmitted,
                         .values = json(R"({"note":{"value":"swordfish"}})")}};
    change.vectors = json(R"({"v":[1,2]})");
    write(change, nullptr);
    // A second version, so that there is a history of the record too.
    const domain::Record before = record();
    domain::RecordChange again;
    again.fields = json(R"({"text":"still the swordfish"})");
    write(again, &before);
    in_write([&](Connection& c) { return add_comment(c, before.position, "ann", kSecret); });
  }

  void write(const domain::RecordChange& change, const domain::Record* existing) {
    const RecordWrite one{&change, existing};
    in_write([&](Connection& c) {
      return write_records(c, schema_, std::span(&one, 1), {.author_id = "lead"});
    });
  }
  domain::Record record() {
    constexpr RecordParts kAll{.responses = true, .suggestions = true, .vectors = true};
    return database()
        .read([&](Connection& c) { return list_records(c, schema_, 0, 1, kAll); })
        .value()
        .at(0);
  }
  // Whether the secret stands anywhere in the tables that hold content.
  std::string tables_with_the_secret() {
    const std::vector<std::pair<const char*, const char*>> columns = {
        {"records", "fields"},           {"records", "metadata"},
        {"records", "external_id"},      {"metadata_values", "term"},
        {"suggestions", "value"},        {"suggestion_values", "term"},
        {"responses", "response_values"}, {"answer_values", "term"},
        {"response_history", "response_values"}, {"record_history", "fields"},
        {"record_history", "metadata"},  {"comments", "text"}};
    std::string found;
    for (const auto& [table, column] : columns) {
      const Rows rows = database()
                            .read([&](Connection& c) {
                              return c.run(fmt::format("SELECT 1 FROM {} WHERE {} LIKE '%{}%'",
                                                       table, column, kSecret));
                            })
                            .value();
      if (!rows.empty()) found += fmt::format("{}.{} ", table, column);
    }
    return found;
  }
  int64_t hits() {
    domain::SearchQuery query;
    query.dataset = schema_.dataset.position;
    query.text = domain::TextQuery{kSecret, std::nullopt};
    return database()
        .read([&](Connection& c) { return search_records(c, query); })
        .value()
        .total;
  }
};

TEST_P(ForgetTest, ARecordIsForgottenEverywhere) {
  ASSERT_NE(tables_with_the_secret(), "");
  ASSERT_EQ(hits(), 1);
  const std::vector<domain::Record> records = {record()};
  const auto counts =
      in_write([&](Connection& c) { return forget_records(c, schema_, {records[0].id}); });
  EXPECT_EQ(tables_with_the_secret(), "");
  EXPECT_EQ(hits(), 0);
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.answers, 1);
  EXPECT_EQ(counts.comments, 1);
  EXPECT_EQ(counts.history_rows, 2);
  const domain::Record after = record();
  EXPECT_EQ(after.id, records[0].id);
  EXPECT_TRUE(after.completed);
  EXPECT_EQ(to_line(after.fields), R"({"text":"[forgotten]"})");
  EXPECT_TRUE(after.suggestions.empty());
  EXPECT_TRUE(after.vectors.empty());
  EXPECT_EQ(after.responses.at(0).values, OrderedJson::object());
  const auto history =
      database().read([&](Connection& c) { return history_of_record(c, after.id); }).value();
  EXPECT_EQ(history.at(0).values["forgotten"],
            sha256_hex(R"({"note":{"value":"swordfish"}})"));
}

TEST_P(ForgetTest, APersonsWordsAreForgottenAndRecordsStay) {
  const auto counts = in_write([&](Connection& c) { return forget_person(c, "ann"); });
  EXPECT_EQ(counts.answers, 1);
  EXPECT_EQ(counts.history_rows, 1);
  EXPECT_EQ(counts.comments, 1);
  EXPECT_EQ(hits(), 1);
  const domain::Record after = record();
  EXPECT_TRUE(after.completed);
  EXPECT_EQ(after.responses.at(0).values, OrderedJson::object());
  EXPECT_EQ(after.suggestions.size(), 1U);
  // Again: nothing is hashed twice.
  in_write([&](Connection& c) { return forget_person(c, "ann"); });
  const auto history =
      database().read([&](Connection& c) { return history_of_record(c, after.id); }).value();
  EXPECT_EQ(history.at(0).values["forgotten"],
            sha256_hex(R"({"note":{"value":"swordfish"}})"));
}

TEST_P(ForgetTest, WhoIsUnknownIsNotForgottenInSilence) {
  const auto refused =
      database().write([](Connection& c) { return forget_person(c, "an id with a mistake"); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  // `ann` is no user here, as after her deletion: what she said is found.
  EXPECT_TRUE(database().write([](Connection& c) { return forget_person(c, "ann"); }).ok());
}

TEST_P(ForgetTest, WhoIsLeftInASnapshotAloneIsKnown) {
  const auto text_of = [&] {
    return in_write([](Connection& c) { return c.run("SELECT text FROM snapshot_contents"); })
        .at(0)
        .text(0);
  };
  domain::Snapshot snapshot;
  snapshot.id = domain::new_id();
  snapshot.name = "v1";
  const SnapshotRow row{
      1, record().id,
      R"({"id":"x","responses":[],"adjudication":{"user_id":"rev","reviewer":"rev",)"
      R"("values":{"note":{"value":"swordfish"}},"note":null}})"};
  in_write([&](Connection& c) -> Status {
    TRY(insert_snapshot(c, schema_.dataset, snapshot));
    return add_snapshot_rows(c, snapshot, std::span(&row, 1));
  });
  ASSERT_NE(text_of().find(kSecret), std::string::npos);
  const auto forgotten = database().write([](Connection& c) { return forget_person(c, "rev"); });
  ASSERT_TRUE(forgotten.ok()) << forgotten.error().message();
  EXPECT_EQ(forgotten->snapshot_rows, 1);
  EXPECT_EQ(text_of().find(kSecret), std::string::npos) << text_of();
}

// A deleted record's last version and its answers are kept, until their data set goes too.
TEST_P(ForgetTest, ADeletedDataSetLeavesNoHistory) {
  const std::vector<domain::Record> records = {record()};
  const domain::Record* const last = records.data();
  in_write([&](Connection& c) -> Status {
    TRY(keep_versions(c, schema_.dataset.position, std::span(&last, 1), "lead"));
    return delete_records(c, schema_, records);
  });
  ASSERT_EQ(tables_with_the_secret(), "response_history.response_values record_history.fields "
                                      "record_history.metadata ");
  in_write([&](Connection& c) { return delete_dataset(c, schema_.dataset); });
  EXPECT_EQ(tables_with_the_secret(), "");
}

TEST_P(ForgetTest, MessagesToWebhooksThatWaitAreDropped) {
  const std::string id = record().id;
  const auto wait = [&](const std::string& name, const std::string& body) {
    Delivery delivery;
    delivery.webhook_id = "w";
    delivery.message_id = name;
    delivery.body = body;
    EXPECT_TRUE(
        database().write([&](Connection& c) { return insert_delivery(c, delivery); }).ok());
  };
  const auto waiting = [&] {
    std::string names;
    for (const Row& row : in_write([](Connection& c) {
           return c.run("SELECT message_id FROM webhook_deliveries ORDER BY number");
         })) {
      names += row.text(0) + " ";
    }
    return names;
  };
  wait("record", R"({"data":{"id":")" + id + R"(","fields":{"text":"swordfish"}}})");
  wait("answer", R"({"data":{"user_id":"ann","values":{"note":{"value":"swordfish"}}}})");
  wait("other", R"({"data":{"id":"another"}})");
  in_write([](Connection& c) { return forget_person(c, "ann"); });
  EXPECT_EQ(waiting(), "record other ");
  in_write([&](Connection& c) { return forget_records(c, schema_, {id}); });
  EXPECT_EQ(waiting(), "other ");
}

// Whether the bytes stand anywhere in the files of an SQLite data base.
bool files_hold(const std::string& path, std::string_view bytes) {
  for (const char* suffix : {"", "-wal"}) {
    const auto content = read_file(path + suffix);
    if (content.ok() && content->find(bytes) != std::string::npos) return true;
  }
  return false;
}

TEST_P(ForgetTest, TheFilesOfSqliteHoldNothingOfIt) {
  if (!on_sqlite()) {
    EXPECT_TRUE(database().erase_forgotten().ok());  // VACUUM FULL is for people to decide
    return;
  }
  const std::string path = url().substr(std::string("sqlite:").size());
  // A word of the index stands without the letters that it shares with the one before it.
  const std::string_view secret = std::string_view(kSecret).substr(3);
  const std::string id = record().id;
  in_write([&](Connection& c) { return forget_records(c, schema_, {id}); });
  EXPECT_TRUE(files_hold(path, secret));
  const Status erased = database().erase_forgotten();
  ASSERT_TRUE(erased.ok()) << erased.error().message();
  EXPECT_FALSE(files_hold(path, secret));
  EXPECT_EQ(hits(), 0);
}

TEST_P(ForgetTest, WhoReadsForLongDoesNotMakeItFail) {
  const std::string id = record().id;
  const auto forget_beside = [&] {
    const auto other = open_again();
    EXPECT_TRUE(other->write([&](Connection& c) { return forget_records(c, schema_, {id}); }).ok());
    EXPECT_TRUE(other->erase_forgotten().ok());
  };
  const Status read = database().read([&](Connection& c) -> Status {
    TRY(c.run("SELECT count(*) FROM records"));  // the snapshot stands from here on
    std::thread(forget_beside).join();
    return {};
  });
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(hits(), 0);
}

INSTANTIATE_BOTH_DATABASES(ForgetTest);

}  // namespace
}  // namespace attune::store
