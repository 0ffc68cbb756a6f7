#include "server/store/responses.h"

#include "server/store/completion.h"
#include "server/store/dataset_stored.h"
#include "server/store/records.h"

namespace attune::store {
namespace {

using domain::json;
using domain::ResponseStatus;

class ResponsesTest : public testing::DatasetStored {
 protected:
  void SetUp() override {
    DatasetStored::SetUp();
    if (IsSkipped()) return;
    domain::RecordChange record;
    record.fields = json(R"({"text":"one"})");
    const RecordWrite write{&record, nullptr};
    record_ = in_write([&](Connection& c) {
                return write_records(c, schema_, std::span(&write, 1), {});
              }).at(0);
  }

  domain::Response answer(const std::string& user, ResponseStatus status, const std::string& note,
                          const Authorship& by = {.author_id = "ann", .client = ""}) {
    const Answering answering{
        record_.position,
        record_.id,
        {.user_id = user, .status = status, .values = {{"note", {{"value", note}}}}}};
    return in_write([&](Connection& c) {
             return write_answers(c, schema_, {&answering, 1}, by);
           }).at(0);
  }
  Result<std::optional<domain::Response>> undo(const std::string& id) {
    return database().write(
        [&](Connection& c) { return undo_answer(c, schema_, id, {.author_id = "ann"}); });
  }
  std::optional<domain::Response> current(const std::string& user) {
    return database()
        .read([&](Connection& c) { return find_answer_of(c, record_.position, user); })
        .value();
  }
  std::vector<HistoryEntry> history() {
    return database()
        .read([&](Connection& c) { return history_of_record(c, record_.id); })
        .value();
  }
  std::string note_of(const std::optional<domain::Response>& response) {
    return response ? response->values["note"]["value"].get<std::string>() : "none";
  }

  WrittenRecord record_;
};

TEST_P(ResponsesTest, AnAnswerIsReplacedAndEveryVersionKept) {
  const auto first = answer("ann", ResponseStatus::kDraft, "a");
  const auto second = answer("ann", ResponseStatus::kSubmitted, "b");
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.inserted_at, first.inserted_at);
  EXPECT_GT(second.updated_at, first.updated_at);
  EXPECT_EQ(note_of(current("ann")), "b");
  const auto all = history();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].action, "created");
  EXPECT_EQ(all[0].status, ResponseStatus::kDraft);
  EXPECT_EQ(all[0].values["note"]["value"], "a");
  EXPECT_EQ(all[1].action, "updated");
  EXPECT_EQ(all[1].at, second.updated_at);
}

TEST_P(ResponsesTest, TheHistorySaysWhoWithWhatAndByWhichGuidelines) {
  database()
      .write([&](Connection& c) {
        return c.run("INSERT INTO guideline_versions (dataset, version, text, at) "
                     "VALUES ($1, 3, 'be kind', '2024')",
                     {schema_.dataset.position});
      })
      .value();
  Answering answering{record_.position, record_.id, {.user_id = "ann"}};
  answering.change.seconds_spent = 12.5;
  answering.change.shown_order = json(R"(["b","a"])");
  database()
      .write([&](Connection& c) {
        return write_answers(c, schema_, {&answering, 1}, {.author_id = "lead", .client = "sdk"});
      })
      .value();
  const auto all = history();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].user_id, "ann");
  EXPECT_EQ(all[0].author_id, "lead");
  EXPECT_EQ(all[0].client, "sdk");
  EXPECT_EQ(all[0].guideline_version, 3);
  EXPECT_EQ(all[0].seconds_spent, 12.5);
  EXPECT_EQ(all[0].shown_order, json(R"(["b","a"])"));
}

TEST_P(ResponsesTest, UndoGoesBackStepByStep) {
  const std::string id = answer("ann", ResponseStatus::kDraft, "a").id;
  answer("ann", ResponseStatus::kSubmitted, "b");
  answer("ann", ResponseStatus::kSubmitted, "c");
  EXPECT_EQ(note_of(undo(id).value()), "b");
  EXPECT_EQ(note_of(current("ann")), "b");
  answer("ann", ResponseStatus::kSubmitted, "d");
  EXPECT_EQ(note_of(undo(id).value()), "b");
  EXPECT_EQ(note_of(undo(id).value()), "a");
  EXPECT_EQ(current("ann")->status, ResponseStatus::kDraft);
  EXPECT_EQ(note_of(undo(id).value()), "none");
  EXPECT_FALSE(current("ann").has_value());
  const auto nothing = undo(id);
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(history().size(), 8U);
}

TEST_P(ResponsesTest, UndoBringsADeletedAnswerBack) {
  const std::string id = answer("ann", ResponseStatus::kSubmitted, "a").id;
  database()
      .write([&](Connection& c) -> Status {
        const auto placed = TRY(find_response(c, id));
        return delete_answer(c, schema_, *placed, {.author_id = "ann"});
      })
      .value();
  EXPECT_FALSE(current("ann").has_value());
  EXPECT_EQ(note_of(undo(id).value()), "a");
  EXPECT_EQ(current("ann")->id, id);
}

TEST_P(ResponsesTest, UndoRefusesWhatWasAnsweredAnew) {
  const std::string id = answer("ann", ResponseStatus::kSubmitted, "a").id;
  database()
      .write([&](Connection& c) -> Status {
        const auto placed = TRY(find_response(c, id));
        return delete_answer(c, schema_, *placed, {.author_id = "ann"});
      })
      .value();
  const std::string anew = answer("ann", ResponseStatus::kSubmitted, "b").id;
  EXPECT_NE(anew, id);
  const auto refused = undo(id);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find(anew), std::string::npos);
  EXPECT_EQ(note_of(current("ann")), "b");
}

TEST_P(ResponsesTest, AnAnswerIsFoundWithItsPlace) {
  const std::string id = answer("ann", ResponseStatus::kDraft, "a").id;
  const auto placed =
      database().read([&](Connection& c) { return find_response(c, id); }).value();
  ASSERT_TRUE(placed.has_value());
  EXPECT_EQ(placed->record, record_.position);
  EXPECT_EQ(placed->dataset_id, schema_.dataset.id);
  EXPECT_EQ(placed->response.record_id, record_.id);
  const auto history_place =
      database().read([&](Connection& c) { return find_history(c, id); }).value();
  EXPECT_EQ(history_place->user_id, "ann");
  EXPECT_EQ(history_place->dataset_id, schema_.dataset.id);
  EXPECT_FALSE(
      database().read([&](Connection& c) { return find_response(c, "none"); }).value().has_value());
}

INSTANTIATE_BOTH_DATABASES(ResponsesTest);

}  // namespace
}  // namespace attune::store
