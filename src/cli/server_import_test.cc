#include "cli/server_import.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/server_rows.h"

namespace attune::cli {
namespace {

data::Example example(const std::string& row) {
  return data::parse_example(parse_ordered_json(row).value()).value();
}

TEST(ServerDatasetTest, AnAddressNamesServerWorkspaceAndDataSet) {
  const auto plain = parse_server_dataset("http://127.0.0.1:6900/argilla/my-data").value();
  EXPECT_EQ(plain.server, "http://127.0.0.1:6900");
  EXPECT_EQ(plain.workspace, "argilla");
  EXPECT_EQ(plain.name, "my-data");
  EXPECT_EQ(parse_server_dataset("https://h/w/a%20b%2Fc/").value().name, "a b/c");
  for (const char* wrong : {"my-data", "http://h", "http://h/", "http://h/w", "http://h/w/",
                            "http:///w/d", "http://h/w/d/e", "http://h/w/d?x=1", "ftp://h/w/d"}) {
    const auto refused = parse_server_dataset(wrong);
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().code(), ErrorCode::kUsage);
  }
}

TEST(ServerDatasetTest, WithoutAKeyItSaysWhatToSet) {
  ::unsetenv("ATTUNE_API_KEY");
  const auto refused = ServerClient::open("http://h");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("ATTUNE_API_KEY"), std::string::npos);
}

TEST(ServerRowsTest, TheTrainerDecidesTheFormOfTheRows) {
  EXPECT_EQ(export_format_for("sft"), "trl_sft");
  EXPECT_EQ(export_format_for("ppo"), "prompts");
  EXPECT_EQ(export_format_for("reward"), "rankings");
  EXPECT_EQ(export_format_for("dpo"), "rankings");
}

TEST(ServerRowsTest, FilesAndHubNamesAreLeftAlone) {
  Json config = {{"dataset_name", {"rows.jsonl", "owner/name"}}, {"output_dir", "x"}};
  const Json before = config;
  ASSERT_TRUE(fetch_server_rows("sft", "/nonexistent", false, config).ok());
  EXPECT_EQ(config, before);
}

TEST(ServerImportTest, AnAnswerBecomesASuggestionWithItsOrigin) {
  const auto row = example(R"x({"prompt":"Hi","completion":"Hello","source":{"dataset":"a/b",
      "row":"7","licence":"mit","generated_by":"gpt-4 (2023)","warning":"be kind"}})x");
  const api::RecordLayout layout = api::layout_of(row).value();
  EXPECT_EQ(layout, (api::RecordLayout{false, 0}));
  EXPECT_EQ(api::fields_of(layout).size(), 1U);
  EXPECT_EQ(api::questions_of(layout)[0]["settings"]["type"], "text");
  EXPECT_EQ(to_line(api::record_of(row, layout, "q")),
            R"({"fields":{"prompt":"Hi"},"metadata":{"source_dataset":"a/b","source_row":"7",)"
            R"x("licence":"mit","generated_by":"gpt-4 (2023)","warning":"be kind"},)x"
            R"("external_id":"a/b:7",)"
            R"("suggestions":[{"question_id":"q","value":"Hello","agent":"gpt-4 _2023_"}]})");
}

TEST(ServerImportTest, ARankingKeepsTiesAndLeavesWhatWasNotRanked) {
  const auto row = example(R"({"id":"x","prompt":[{"role":"user","content":"Hi"}],
      "completions":[[{"role":"assistant","content":"A"}],[{"role":"assistant","content":"B"}],
                     [{"role":"assistant","content":"C"}]],
      "ranks":[2,1,null],"annotator":"ann"})");
  const api::RecordLayout layout = api::layout_of(row).value();
  EXPECT_EQ(layout, (api::RecordLayout{true, 3}));
  const auto fields = api::fields_of(layout);
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[0]["settings"]["type"], "chat");
  EXPECT_EQ(fields[3]["required"], false);
  const auto record = api::record_of(row, layout, "q");
  EXPECT_EQ(record["external_id"], "x");
  EXPECT_EQ(record["fields"]["response-3"], "C");
  EXPECT_EQ(to_line(record["fields"]["prompt"]), R"([{"role":"user","content":"Hi"}])");
  EXPECT_EQ(to_line(record["suggestions"][0]["value"]),
            R"([{"value":"response-1","rank":2},{"value":"response-2","rank":1}])");
  EXPECT_EQ(record["suggestions"][0]["agent"], "ann");
}

TEST(ServerImportTest, APreferenceIsARankingOfTwo) {
  const auto row = example(R"({"prompt":"p","chosen":"good","rejected":"bad"})");
  const auto record = api::record_of(row, api::layout_of(row).value(), "q");
  EXPECT_EQ(record["fields"]["response-1"], "good");
  EXPECT_EQ(record["suggestions"][0]["value"][0]["rank"], 1);
}

std::string external_id(const std::string& row) {
  const auto one = example(row);
  return api::record_of(one, api::layout_of(one).value(), "q")["external_id"];
}

TEST(ServerImportTest, WhatTheDataSetOrTheRowCallsItselfIsItsId) {
  const std::string rest = R"("prompt":"p","completion":"c")";
  EXPECT_EQ(external_id("{" + rest + R"(,"id":"x","source":{"dataset":"d","row":"7"}})"), "d:7");
  EXPECT_EQ(external_id("{" + rest + R"(,"id":"x"})"), "x");
  EXPECT_EQ(external_id("{" + rest + R"(,"id":"x","source":{"dataset":"d"}})"), "d:x");
  // As an export gives it back.
  const std::string position = R"(,"source":{"dataset":"d","row":"7","row_is_position":true}})";
  EXPECT_EQ(external_id("{" + rest + R"(,"id":"d:abc")" + position), "d:abc");
  EXPECT_EQ(external_id("{" + rest + R"(,"id":"x")" + position), "d:x");
}

TEST(ServerImportTest, ARowThatNothingNamesIsKnownByWhatItShows) {
  const auto placed = [](const std::string& rest, int row) {
    return external_id(fmt::format(
        R"({{{},"source":{{"dataset":"d","row":"{}","row_is_position":true}}}})", rest, row));
  };
  const std::string row = R"("prompt":"p","completion":"c")";
  EXPECT_EQ(placed(row, 1), placed(row, 2));
  EXPECT_EQ(placed(row, 1).size(), std::string("d:").size() + 32);
  EXPECT_EQ("d:" + external_id("{" + row + "}"), placed(row, 1));
  const char* others[] = {R"("prompt":"q","completion":"c")", R"("prompt":"p","completion":"d")",
                          R"("prompt":"p")", R"("prompt":"p","chosen":"c","rejected":"d")",
                          R"("prompt":"p","chosen":"d","rejected":"c")",
                          R"("prompt":[{"role":"user","content":"p"}],)"
                          R"("completion":[{"role":"assistant","content":"c"}])"};
  std::set<std::string> ids = {placed(row, 1)};
  for (const char* other : others) ids.insert(placed(other, 1));
  EXPECT_EQ(ids.size(), 1 + std::size(others));
  // Another order of the same candidates is said about the same record.
  EXPECT_EQ(placed(R"("prompt":"p","completions":["a","b"],"ranks":[1,2])", 1),
            placed(R"("prompt":"p","completions":["a","b"],"ranks":[2,1])", 1));
}

TEST(ServerImportTest, OfAConversationTheLastAnswerIsSuggested) {
  const auto row = example(R"({"messages":[{"role":"user","content":"Hi"},
                              {"role":"assistant","content":"Hello"}]})");
  const api::RecordLayout layout = api::layout_of(row).value();
  EXPECT_TRUE(layout.chat);
  const auto record = api::record_of(row, layout, "q");
  EXPECT_EQ(record["fields"]["prompt"].size(), 1U);
  EXPECT_EQ(record["suggestions"][0]["value"], "Hello");
}

TEST(ServerImportTest, PairsAcrossPromptsAreRefused) {
  const auto refused = api::layout_of(example(
      R"({"chosen_prompt":"a","chosen":"b","rejected_prompt":"c","rejected":"d"})"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("without a prompt"), std::string::npos);
}

}  // namespace
}  // namespace attune::cli
