#include <gtest/gtest.h>

#include "data/import_fixture.h"

namespace attune::data {
namespace {

// q1 -> a1 (rank 1), a2 (rank 0, of a model), a3 (not ranked); a2 -> q2 -> a4, a5 (tied).
const OrderedJson& tree() {
  static const OrderedJson value = OrderedJson::parse(R"({
    "message_tree_id": "q1", "tree_state": "ready_for_export",
    "prompt": {"message_id": "q1", "text": "Why?", "role": "prompter", "lang": "en", "replies": [
      {"message_id": "a1", "parent_id": "q1", "text": "No.", "role": "assistant", "lang": "en",
       "rank": 1, "replies": [], "labels": {"quality": {"value": 0.25, "count": 3},
                                            "humor": {"value": 1, "count": 1}}},
      {"message_id": "a2", "parent_id": "q1", "text": "So.", "role": "assistant", "lang": "en",
       "rank": 0, "synthetic": true, "model_name": "chip", "labels": {"quality": {"value": 0.75}},
       "replies": [
        {"message_id": "q2", "parent_id": "a2", "text": "More?", "role": "prompter", "lang": "en",
         "replies": [
          {"message_id": "a4", "parent_id": "q2", "text": "Yes", "role": "assistant", "lang": "en",
           "rank": 0, "replies": []},
          {"message_id": "a5", "parent_id": "q2", "text": "Ja", "role": "assistant", "lang": "de",
           "rank": 0, "replies": []}]}]},
      {"message_id": "a3", "parent_id": "q1", "text": "Hm.", "role": "assistant", "lang": "en",
       "replies": []}]}})");
  return value;
}

// The published set's layout: one row a message, in an order of its own, everything explicit.
void flatten(const OrderedJson& message, std::string& rows) {
  OrderedJson row = message;
  row.erase("replies");
  row["message_tree_id"] = "q1";
  if (!row.contains("parent_id")) row["parent_id"] = nullptr;
  for (const char* name : {"rank", "synthetic", "model_name", "deleted", "review_result"}) {
    if (!row.contains(name)) row[name] = nullptr;
  }
  if (row["rank"].is_number()) row["rank"] = row["rank"].get<double>();
  if (row.contains("labels")) {
    OrderedJson labels = {{"name", OrderedJson::array()}, {"value", OrderedJson::array()}};
    for (const auto& [name, label] : row["labels"].items()) {
      labels["name"].push_back(name);
      labels["value"].push_back(label["value"]);
    }
    row["labels"] = labels;
  }
  for (const OrderedJson& reply : message["replies"]) flatten(reply, rows);
  rows += to_line(row) + "\n";  // replies before their parents
}

constexpr const char* kFirst =
    R"({"prompt":[{"role":"user","content":"Why?"}],)"
    R"("completions":[[{"role":"assistant","content":"No."}],)"
    R"([{"role":"assistant","content":"So."}],[{"role":"assistant","content":"Hm."}]],)"
    R"("ranks":[2,1,null],"axes":{"quality":[0.25,0.75,null],"humor":[1.0,null,null]},)"
    R"("source":{"dataset":"OASST1","row":"q1","licence":"Apache-2.0",)"
    R"("generated_by":"people, chip","warning":"holds text that offends"},)"
    R"("message_tree_id":"q1","message_ids":["a1","a2","a3"],"lang":"en"})";
constexpr const char* kSecond =
    R"({"prompt":[{"role":"user","content":"Why?"},{"role":"assistant","content":"So."},)"
    R"({"role":"user","content":"More?"}],"completions":[[{"role":"assistant","content":"Yes"}],)"
    R"([{"role":"assistant","content":"Ja"}]],"ranks":[1,1],)"
    R"("source":{"dataset":"OASST1","row":"q2","licence":"Apache-2.0","generated_by":"people",)"
    R"("warning":"holds text that offends"},)"
    R"("message_tree_id":"q1","message_ids":["a4","a5"],"lang":"en"})";

TEST(ImportOasst, EveryLayoutGivesTheSameRankings) {
  std::string flat;
  flatten(tree()["prompt"], flat);
  OrderedJson message = tree()["prompt"];
  for (const char* name : {"parent_id", "rank", "labels", "emojis"}) message[name] = nullptr;
  const std::string layouts[] = {to_line(tree()), to_line(message), flat};
  for (const std::string& layout : layouts) {
    const Imported read = import_text(layout);
    EXPECT_EQ(read.format, "oasst");
    ASSERT_EQ(read.examples.size(), 2u) << layout;
    EXPECT_EQ(row_text(read.examples[0]), kFirst);
    EXPECT_EQ(row_text(read.examples[1]), kSecond);
    EXPECT_TRUE(read.report.notes.empty());
    EXPECT_TRUE(read.report.dropped.empty());
  }
}

TEST(ImportOasst, ThreadsShareTheirBeginnings) {
  OrderedJson question = tree()["prompt"];
  OrderedJson first = question["replies"][0];
  OrderedJson second = question["replies"][1];
  for (OrderedJson* one : {&question, &first, &second}) {
    one->erase("replies");
    one->erase("parent_id");
  }
  const OrderedJson a = {{"thread_id", "a1"}, {"thread", {question, first}}};
  const OrderedJson b = {{"thread_id", "a2"}, {"thread", {question, second}}};
  const Imported read = import_text(to_line(a) + "\n" + to_line(b) + "\n");
  EXPECT_EQ(read.format, "oasst");
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(to_line(to_json(read.examples[0])["ranks"]), "[2,1]");
  EXPECT_EQ(to_line(to_json(read.examples[0])["message_ids"]), R"(["a1","a2"])");
  EXPECT_TRUE(read.report.notes.empty());
}

TEST(ImportOasst, LanguagesAreFiltered) {
  const Imported read = import_text(to_line(tree()), nullptr, {.languages = {"en"}});
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(row_text(read.examples[0]), kFirst);
  EXPECT_EQ(read.report.dropped.at("a reply in another language").count, 1);
  EXPECT_EQ(read.report.dropped.at("a reply without another to compare it with").count, 1);
  EXPECT_EQ(import_text(to_line(tree()), nullptr, {.languages = {"fr"}}).report.examples, 0);
}

TEST(ImportOasst, DeletedAndRejectedRepliesLeaveAndHolesClose) {
  OrderedJson value = tree();
  OrderedJson& replies = value["prompt"]["replies"];
  replies[1]["deleted"] = true;  // rank 0, and the conversation below it
  replies[2]["rank"] = 2;
  const Imported read = import_text(to_line(value));
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(to_line(to_json(read.examples[0])["ranks"]), "[1,2]");
  EXPECT_EQ(read.report.notes.at("ranks with a hole, closed").count, 1);
  EXPECT_EQ(read.report.dropped.at("a reply that was deleted or rejected in review").count, 1);
  EXPECT_EQ(read.report.dropped
                .at("replies to a conversation that was deleted, rejected or in another language")
                .count,
            1);
  replies[0]["review_result"] = false;
  EXPECT_EQ(import_text(to_line(value)).report.examples, 0);
}

TEST(ImportOasst, UnrankedRepliesAreNotCompared) {
  OrderedJson value = tree();
  value["prompt"]["replies"][0].erase("rank");
  const Imported read = import_text(to_line(value));
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(read.report.dropped.at("fewer than two ranked replies").first_detail,
            "below message_id q1");
}

TEST(ImportOasst, LostParentsAndCirclesAreCounted) {
  auto message = [](const char* id, const char* parent, const char* role) {
    return to_line(OrderedJson{
               {"message_id", id}, {"parent_id", parent}, {"text", "t"}, {"role", role}}) +
           "\n";
  };
  const Imported read =
      import_text(message("a", "lost", "assistant") + message("b", "a", "prompter") +
                  message("c", "d", "assistant") + message("d", "c", "prompter") +
                  message("e", "e", "assistant") + message("a", "", "assistant"));
  EXPECT_EQ(read.report.rows_read, 6);
  EXPECT_EQ(read.report.examples, 0);
  EXPECT_EQ(read.report.dropped.at("a message whose beginning is not in the file").count, 5);
  EXPECT_EQ(read.report.notes.at("a message given twice; the first was taken").first_row, 6);
}

TEST(ImportOasst, MistakesAreNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"message_id":"a","text":"t","role":"robot"})", "\"role\" must be prompter or assistant"},
      {R"({"message_id":"","text":"t","role":"assistant"})", "\"message_id\" is empty"},
      {R"({"message_id":"a","role":"assistant"})", "\"text\" must be a string, found nothing"},
      {R"({"message_id":"a","text":"t","role":"assistant","rank":-1})", "\"rank\" must be a whole"},
      {R"({"message_id":"a","text":"t","role":"assistant","rank":0.5})", "found 0.5"},
      {R"({"message_id":"a","text":"t","role":"assistant","rank":"0"})", "found string"},
      {R"({"message_id":"a","text":"t","role":"assistant","deleted":"no"})", "\"deleted\" must be"},
      {R"({"message_id":"a","text":"t","role":"assistant","labels":[]})", "\"labels\" must be"},
      {R"({"message_id":"a","text":"t","role":"assistant","labels":{"q":1}})", "\"labels.q\""},
      {R"({"message_id":"a","text":"t","role":"assistant","labels":{"name":["q"],"value":[]}})",
       "1 names and 0 values"},
      {R"({"message_id":"a","text":"t","role":"assistant","replies":{}})", "\"replies\" must be"},
      {R"({"message_tree_id":"a","prompt":"t"})", "a message must be an object"},
      {R"({"thread_id":"a","thread":{}})", "\"thread\" must be a list"},
      {R"([1])", "a message must be an object"}};
  for (const auto& [row, message] : rows) {
    const Imported read = import_text(row, "oasst");
    ASSERT_EQ(read.report.dropped.count("row that does not fit the layout"), 1u) << row;
    EXPECT_NE(read.report.dropped.at("row that does not fit the layout").first_detail.find(message),
              std::string::npos)
        << read.report.dropped.at("row that does not fit the layout").first_detail;
  }
}

}  // namespace
}  // namespace attune::data
