#include "data/import.h"

#include <gtest/gtest.h>

#include "data/import_fixture.h"
#include "data/licence.h"

namespace attune::data {
namespace {

constexpr const char* kSourceHh = R"("source":{"dataset":"HH-RLHF","row":"1","licence":"MIT",)"
                                  R"("generated_by":"Anthropic's models of 2022",)"
                                  R"("warning":"holds text that is meant to offend: keep )"
                                  R"(it out of demonstrations","row_is_position":true})";

std::string hh_row(const std::string& chosen, const std::string& rejected) {
  return to_line(OrderedJson{{"chosen", chosen}, {"rejected", rejected}}) + "\n";
}

TEST(ImportHhRlhf, ThePromptIsTheCommonTurns) {
  // The answers begin alike: a common prefix of characters would cut "It's " off both.
  const Imported read = import_text(hh_row(
      "\n\nHuman: Hi there\n\nAssistant: Hello!\n\nHuman: Is it far?\n\nAssistant: It's near.",
      "\n\nHuman: Hi there\n\nAssistant: Hello!\n\nHuman: Is it far?\n\nAssistant:  It's far. "));
  EXPECT_EQ(read.format, "hh_rlhf");
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(row_text(read.examples[0]),
            R"({"prompt":[{"role":"user","content":"Hi there"},)"
            R"({"role":"assistant","content":"Hello!"},{"role":"user","content":"Is it far?"}],)"
            R"("chosen":[{"role":"assistant","content":"It's near."}],)"
            R"("rejected":[{"role":"assistant","content":"It's far."}],)" +
                std::string(kSourceHh) + "}");
  EXPECT_TRUE(read.report.notes.empty());
}

TEST(ImportHhRlhf, TheSplitFormIsTheSame) {
  const Imported read = import_text(
      "{\"prompt\": \"\\n\\nHuman: Is it far?\\n\\nAssistant:\",\n \"chosen\": \" It's near.\",\n"
      " \"rejected\": \" It's far.\", \"split\": \"train\"}");
  ASSERT_EQ(read.examples.size(), 1u) << read.error;
  EXPECT_EQ(read.format, "hh_rlhf");
  EXPECT_EQ(row_text(read.examples[0]),
            R"({"prompt":[{"role":"user","content":"Is it far?"}],)"
            R"("chosen":[{"role":"assistant","content":"It's near."}],)"
            R"("rejected":[{"role":"assistant","content":"It's far."}],)" +
                std::string(kSourceHh) + R"(,"split":"train"})");
}

TEST(ImportHhRlhf, MistakesOfRealFilesAreCounted) {
  const std::string shared = "\n\nHuman: q\n\nAssistant: a\n\nHuman: r";
  const Imported read = import_text(
      hh_row(shared + "\n\nAssistant: x", "\n\nHuman: q\n\nAssistant: other") +  // 1: part
      hh_row(shared + "\n\nAssistant: x", shared) +                              // 2: no answer
      hh_row("\n\nAssistant: x", "\n\nAssistant: y") +                           // 3: no prompt
      hh_row("Human: q\n\nAssistant: x", shared) +                               // 4: no transcript
      "{\"chosen\": 5, \"rejected\": \"x\"}\n" +                                 // 5
      "{\"chosen\": \n" +                                                        // 6: no JSON
      hh_row(shared + "\n\nAssistant: x", shared + "\n\nAssistant:") +           // 7: kept
      hh_row("\n\nHuman: q\n\nHuman: r\n\nAssistant: x",
             "\n\nHuman: q\n\nHuman: r\n\nAssistant: x"));  // 8: kept
  EXPECT_EQ(read.report.rows_read, 8);
  EXPECT_EQ(read.report.examples, 2);
  const auto& dropped = read.report.dropped;
  ASSERT_EQ(dropped.size(), 5u);
  EXPECT_EQ(dropped.at("the transcripts part before the last answer").first_row, 1);
  EXPECT_EQ(dropped.at("a transcript does not end with an answer").first_row, 2);
  EXPECT_EQ(dropped.at("no turn before the answer").first_row, 3);
  EXPECT_EQ(dropped.at("row that does not fit the layout").count, 2);
  EXPECT_EQ(dropped.at("row that does not fit the layout").first_row, 4);
  EXPECT_NE(dropped.at("row that does not fit the layout").first_detail.find("\"chosen\""),
            std::string::npos);
  EXPECT_EQ(dropped.at("unreadable row").first_row, 6);
  const auto& notes = read.report.notes;
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes.at("an empty answer").first_row, 7);
  EXPECT_EQ(notes.at("two turns of one role in a row").first_row, 8);
  EXPECT_EQ(notes.at("both answers are equal").first_row, 8);
}

constexpr const char* kPandaRow =
    R"({"idx":7,"motivation_app":"Mail","cmp_key":"bloom-7b_llama-7b","instruction":"Shorten.",)"
    R"("input":"A long text.","response1":"Text.","response2":true,)"
    R"("annotator1":2,"annotator2":0,"annotator3":null})";

TEST(ImportPandaLm, EachAnnotatorKeepsTheirAnswer) {
  const Imported read = import_text(std::string("[") + kPandaRow + "]");
  EXPECT_EQ(read.format, "pandalm");
  ASSERT_EQ(read.examples.size(), 2u) << read.error;
  const std::string begin = R"("prompt":[{"role":"user","content":"Shorten.\n\nA long text."}],)"
                            R"("completions":[[{"role":"assistant","content":"Text."}],)"
                            R"([{"role":"assistant","content":"True"}]],)";
  const std::string end =
      R"("source":{"dataset":"PandaLM test set","row":"7","licence":"Apache-2.0",)"
      R"("generated_by":"bloom-7b, llama-7b","warning":"the authors of its instructions ask that )"
      R"(nobody trains on them: use it to measure agreement"},"motivation_app":"Mail",)"
      R"("cmp_key":"bloom-7b_llama-7b"})";
  EXPECT_EQ(row_text(read.examples[0]), R"({"id":"7/annotator1",)" + begin +
                                            R"("ranks":[2,1],"annotator":"annotator1",)" + end);
  EXPECT_EQ(row_text(read.examples[1]), R"({"id":"7/annotator2",)" + begin +
                                            R"("ranks":[1,1],"annotator":"annotator2",)" + end);
  EXPECT_EQ(read.report.notes.at("a response that is true or false was read as a text").count, 1);
}

TEST(ImportPandaLm, AWrongAnswerTakesTheWholeRow) {
  std::string row = kPandaRow;
  row.replace(row.find("\"annotator2\":0"), 14, "\"annotator2\":3");
  const Imported read = import_text(row);
  EXPECT_EQ(read.report.examples, 0);
  EXPECT_EQ(read.report.dropped.at("row that does not fit the layout").first_detail,
            "\"annotator2\" must be 0, 1 or 2, found 3");
  std::string nobody = kPandaRow;
  nobody.replace(nobody.find("\"annotator1\":2,\"annotator2\":0"), 29,
                 "\"annotator1\":null,\"annotator2\":null");
  EXPECT_EQ(import_text(nobody).report.dropped.at("nobody compared the answers").count, 1);
}

TEST(ImportSummarize, ComparisonsArePairs) {
  const Imported read = import_text(
      R"({"info":{"id":"t3_1","post":"I lost my keys.","title":"Keys","subreddit":"help"},)"
      R"("summaries":[{"text":" Lost.","policy":"sup4","note":null},)"
      R"({"text":" Lost keys.","policy":"ref","note":"ok"}],"choice":1,"worker":"w9",)"
      R"("batch":"batch9","split":"train","extra":{"confidence":8}})");
  EXPECT_EQ(read.format, "summarize_from_feedback");
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(row_text(read.examples[0]),
            R"({"id":"t3_1","prompt":"SUBREDDIT: r/help\n\nTITLE: Keys\n\n)"
            R"(POST: I lost my keys.\n\nTL;DR:",)"
            R"("chosen":" Lost keys.","rejected":" Lost.","annotator":"w9",)"
            R"("source":{"dataset":"summarize_from_feedback","row":"t3_1",)"
            R"("licence":"Modified MIT; TL;DR texts CC BY 4.0","generated_by":"sup4, ref"},)"
            R"("info":{"title":"Keys","subreddit":"help"},"choice":1,"policies":["ref","sup4"],)"
            R"("notes":["ok",null],"confidence":8,"batch":"batch9","split":"train"})");
}

TEST(ImportSummarize, EvaluationsKeepTheirAxes) {
  const Imported read = import_text(
      R"({"info":{"id":"a1","article":"It rained.","title":"Rain","site":"cnn"},"split":"test",)"
      R"("summary":{"text":"Rain.","policy":"ref","note":"short",)"
      R"("axes":{"overall":3,"coverage":null}},"worker":"w1","batch":"b"})");
  ASSERT_EQ(read.examples.size(), 1u);
  EXPECT_EQ(row_text(read.examples[0]),
            R"({"id":"a1","prompt":"Article:\nIt rained.\n\nTL;DR:\n","completion":"Rain.",)"
            R"("axes":{"overall":3.0,"coverage":null},"annotator":"w1",)"
            R"("source":{"dataset":"summarize_from_feedback","row":"a1",)"
            R"("licence":"Modified MIT; TL;DR texts CC BY 4.0","generated_by":"ref"},)"
            R"("info":{"title":"Rain","site":"cnn"},"note":"short","split":"test","batch":"b"})");
}

TEST(ImportSummarize, MistakesAreNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"info":[],"summaries":[]})", "\"info\" must be an object"},
      {R"({"info":{"post":"p","title":"t"},"summaries":[]})",
       "\"info.subreddit\" must be a string"},
      {R"({"info":{"article":"p"},"summaries":[{"text":"a"}],"choice":0})", "a list of two"},
      {R"({"info":{"article":"p"},"summaries":[{"text":"a"},{}],"choice":0})",
       "\"summaries[1].text\" must be a string, found nothing"},
      {R"({"info":{"article":"p"},"summaries":[{"text":"a"},{"text":"b"}]})", "\"choice\" must be"},
      {R"({"info":{"article":"p"},"summaries":[{"text":"a"},{"text":"b"}],"choice":2})", "0 or 1"},
      {R"({"info":{"article":"p"},"summary":{"text":"a"}})", "\"summary.axes\" must be an object"},
      {R"({"info":{"article":"p"},"summary":{"text":"a","axes":{"overall":"3"}}})",
       "\"summary.axes.overall\" must be a number, found string"},
      {R"({"info":{"article":"p"},"worker":"w"})", "neither \"summaries\""}};
  for (const auto& [row, message] : rows) {
    const Imported read = import_text(row, "summarize-from-feedback");
    ASSERT_EQ(read.report.dropped.count("row that does not fit the layout"), 1u) << row;
    EXPECT_NE(read.report.dropped.at("row that does not fit the layout").first_detail.find(message),
              std::string::npos)
        << read.report.dropped.at("row that does not fit the layout").first_detail;
  }
}

TEST(ImportUltraFeedback, ScoresAreMeansAndTie) {
  auto answer = [](const char* text, const char* model, const char* a, const char* b) {
    return fmt::format(
        R"({{"model":"{}","response":"{}","annotations":{{"helpfulness":{{"Rating":"{}"}},)"
        R"("honesty":{{"Rating":{}}}}}}})",
        model, text, a, b);
  };
  const std::string row = R"({"source":"evol","instruction":"Do it.","models":["m1","m2"],)"
                          R"("completions":[)" +
                          answer("A", "gpt-4", "4", "\"3\"") + "," + answer("B", "m2", "2", "5") +
                          "," + answer("C", "m3", "N/A", "null") + "," +
                          answer("D", "m4", "5", "\"N/A\"") + "]}";
  const Imported read = import_text(row);
  EXPECT_EQ(read.format, "ultrafeedback");
  ASSERT_EQ(read.examples.size(), 1u) << read.report.dropped.size();
  const OrderedJson out = to_json(read.examples[0]);
  EXPECT_EQ(to_line(out["ranks"]), "[2,2,null,1]");
  EXPECT_FALSE(out.contains("scores"));  // one of them has none
  EXPECT_EQ(read.report.notes.at("an answer without a rating; the row has no scores").count, 1);
  EXPECT_EQ(to_line(out["axes"]["helpfulness"]), "[4.0,2.0,null,5.0]");
  EXPECT_EQ(to_line(out["axes"]["truthfulness"]), "[null,null,null,null]");
  EXPECT_EQ(out["original_source"], "evol");
  EXPECT_EQ(out["source"]["generated_by"], "gpt-4, m2, m3, m4");
  ASSERT_EQ(read.report.warnings.size(), 1u);
  EXPECT_NE(read.report.warnings.begin()->first.find("competing model"), std::string::npos);
  const Imported rated =
      import_text(R"({"instruction":"x","models":[],"completions":[)" + answer("A", "m", "2", "3") +
                  "," + answer("B", "m", "4", "4") + "]}");
  EXPECT_EQ(to_line(to_json(rated.examples.at(0))["scores"]), "[2.5,4.0]");
  EXPECT_EQ(to_line(to_json(rated.examples.at(0))["ranks"]), "[2,1]");
  const Imported wrong = import_text(R"({"instruction":"x","models":[],"completions":[)" +
                                     answer("A", "m", "good", "1") + "]}");
  EXPECT_NE(
      wrong.report.dropped.at("row that does not fit the layout").first_detail.find("\"good\""),
      std::string::npos);
  const Imported one = import_text(R"({"instruction":"x","models":[],"completions":[)" +
                                   answer("A", "m", "1", "1") + "]}");
  EXPECT_EQ(one.report.dropped.at("fewer than two rated answers").count, 1);
}

TEST(ImportTrl, RowsAreCheckedAndNameTheirSource) {
  const Imported read = import_text(
      "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"source\":\"web\"}\n"
      "{\"prompt\":\"p\",\"chosen\":\"a\"}\n"
      "{\"text\":\"t\",\"source\":{\"dataset\":\"mine\",\"licence\":\"CC BY-NC 4.0\"}}\n",
      nullptr, {.dataset = "", .licence = ""});
  EXPECT_EQ(read.format, "trl");
  ASSERT_EQ(read.examples.size(), 2u);
  EXPECT_EQ(row_text(read.examples[0]),
            R"({"prompt":"p","chosen":"a","rejected":"b",)"
            R"("source":{"dataset":"","row":"1","licence":"","generated_by":"",)"
            R"("row_is_position":true},)"
            R"("original_source":"web"})");
  EXPECT_EQ(read.examples[1].source->dataset, "mine");
  EXPECT_EQ(read.report.dropped.at("row that does not fit the layout").first_row, 2);
  ASSERT_EQ(read.report.warnings.size(), 2u);
  const Imported named = import_text(R"({"text":"t"})", "trl", {.dataset = "d", .licence = "MIT"});
  EXPECT_EQ(named.examples[0].source->licence, "MIT");
  EXPECT_TRUE(named.report.warnings.empty());
}

TEST(Import, FormatsAreFoundByName) {
  for (const ImportFormat& format : import_formats()) {
    EXPECT_EQ(find_import_format(format.name).value(), &format);
  }
  EXPECT_EQ(std::string(find_import_format("hh-rlhf").value()->name), "hh_rlhf");
  EXPECT_EQ(find_import_format("pandaml").error().message(),
            "there is no format \"pandaml\"; did you mean pandalm?");
  EXPECT_NE(find_import_format("x").error().message().find("known are oasst, hh_red_team, hh_rlhf"),
            std::string::npos);
}

TEST(Import, ATakersErrorEndsTheWork) {
  ImportReport report;
  int taken = 0;
  auto full = [&taken](Example) -> Status {
    ++taken;
    return io_error("the disk is full");
  };
  const auto result =
      import_rows_in("{\"text\":\"a\"}\n{\"text\":\"b\"}\n", "f", nullptr, {}, full, &report);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "the disk is full");
  EXPECT_EQ(taken, 1);
}

TEST(Import, TheReportIsJson) {
  const Imported read =
      import_text("{\"text\":\"a\"}\n{\"txt\":\"b\"}\n", "trl", {.licence = "MIT"});
  const OrderedJson json = read.report.to_json();
  EXPECT_EQ(json["rows_read"], 2);
  EXPECT_EQ(json["examples"], 1);
  EXPECT_EQ(json["dropped"][0]["reason"], "row that does not fit the layout");
  EXPECT_EQ(json["dropped"][0]["first_row"], 2);
  EXPECT_NE(json["dropped"][0]["first"].get<std::string>().find("no known columns"),
            std::string::npos);
}

TEST(Licence, Warnings) {
  auto warnings = [](const char* licence, const char* by) {
    return licence_warnings(Source{"d", "1", licence, by});
  };
  EXPECT_TRUE(warnings("Apache-2.0", "people").empty());
  EXPECT_EQ(warnings("", "people").size(), 1u);
  EXPECT_NE(warnings("CC BY-NC 4.0", "people").at(0).find("commercial"), std::string::npos);
  EXPECT_NE(warnings("cc-by-sa-3.0", "people").at(0).find("same terms"), std::string::npos);
  EXPECT_NE(warnings("MIT", "text-davinci-003").at(0).find("competing"), std::string::npos);
  EXPECT_EQ(warnings("CC BY-NC 4.0", "GPT-4").size(), 2u);
  EXPECT_EQ(warnings("MIT", "GPT4").size(), 1u);
  EXPECT_TRUE(warnings("MIT", "GPT4All-J").empty()) << "an open model";
  EXPECT_EQ(warnings("MIT", "gpt4all, gpt4").size(), 1u) << "and one that is not";
}

}  // namespace
}  // namespace attune::data
