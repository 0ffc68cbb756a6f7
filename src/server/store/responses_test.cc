#include "server/store/responses.h"

#include "server/store/completion.h"
#include "server/store/dataset_stored.h"
#include "server/store/export_pages.h"
#include "server/store/forget.h"
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

  void set_guideline_version(int version) {
    in_write([&](Connection& c) {
      return c.run("INSERT INTO guideline_versions (dataset, version, text, at) "
                   "VALUES ($1, $2, 'be kind', '2024')",
                   {schema_.dataset.position, int64_t{version}});
    });
  }
  // An answer of ann's with all its stamps.
  domain::Response stamped(const std::string& note, double seconds, const char* order,
                           const char* client) {
    Answering answering{record_.position, record_.id, {.user_id = "ann"}};
    answering.change.status = ResponseStatus::kSubmitted;
    answering.change.values = {{"note", {{"value", note}}}};
    answering.change.seconds_spent = seconds;
    answering.change.shown_order = json(order);
    const Authorship by{.author_id = "ann", .client = client};
    return in_write([&](Connection& c) { return write_answers(c, schema_, {&answering, 1}, by); })
        .at(0);
  }
  // What an export says of the one answer that is there.
  ExportedAnswer exported() {
    return database()
        .read([&](Connection& c) { return export_page(c, schema_, 0, 1, {.responses = true}); })
        .value()
        .records.at(0)
        .answers.at(0);
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
  set_guideline_version(3);
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

// Undo is no answering: what comes back was given under the guidelines, in the time and in the
// order of then.
TEST_P(ResponsesTest, WhatUndoBringsBackKeepsItsStamps) {
  set_guideline_version(3);
  const std::string id = stamped("a", 12.5, R"(["b","a"])", "web").id;
  set_guideline_version(4);
  stamped("b", 2, R"(["a","b"])", "sdk");
  set_guideline_version(5);
  ASSERT_TRUE(undo(id).ok());
  const HistoryEntry last = history().back();
  EXPECT_EQ(last.action, "undone");
  EXPECT_EQ(last.guideline_version, 3);
  EXPECT_EQ(last.seconds_spent, 12.5);
  EXPECT_EQ(last.shown_order, json(R"(["b","a"])"));
  EXPECT_EQ(last.client, "web");
  const ExportedAnswer answer = exported();
  EXPECT_EQ(answer.guideline_version, 3);
  EXPECT_EQ(answer.seconds_spent, 12.5);
  EXPECT_EQ(answer.shown_order, R"(["b","a"])");
}

TEST_P(ResponsesTest, AChangeWithoutSecondsAndOrderKeepsThem) {
  set_guideline_version(3);
  stamped("a", 12.5, R"(["b","a"])", "web");
  set_guideline_version(4);
  answer("ann", ResponseStatus::kSubmitted, "b", {.author_id = "lead", .client = "sdk"});
  const ExportedAnswer changed = exported();
  EXPECT_EQ(changed.guideline_version, 4);  // these are the values of now
  EXPECT_EQ(changed.seconds_spent, 12.5);
  EXPECT_EQ(changed.shown_order, R"(["b","a"])");
  EXPECT_EQ(history().back().client, "sdk");
  answer("bob", ResponseStatus::kSubmitted, "c");
  EXPECT_FALSE(history().back().seconds_spent.has_value());  // another person's are not his
}

TEST_P(ResponsesTest, WhatWasForgottenDoesNotComeBackByUndo) {
  const std::string id = answer("ann", ResponseStatus::kSubmitted, "a").id;
  answer("ann", ResponseStatus::kSubmitted, "b");
  in_write([&](Connection& c) { return forget_person(c, "ann"); });
  const auto refused = undo(id);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_NE(refused.error().message().find("write the answer anew"), std::string::npos);
  EXPECT_EQ(current("ann")->values, OrderedJson::object());
  // What she says from then on may be taken back down to there.
  answer("ann", ResponseStatus::kSubmitted, "c");
  answer("ann", ResponseStatus::kSubmitted, "d");
  EXPECT_EQ(note_of(undo(id).value()), "c");
  EXPECT_FALSE(undo(id).ok());
  EXPECT_EQ(note_of(current("ann")), "c");
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
