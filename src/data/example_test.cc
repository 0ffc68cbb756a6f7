#include "data/example.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::data {
namespace {

Result<Example> parse(const char* text) {
  return parse_example(parse_ordered_json(text).value());
}

TEST(Example, EveryFormIsRecognised) {
  const std::pair<const char*, Form> rows[] = {
      {R"({"text": "x"})", Form::kText},
      {R"({"messages": [{"role": "user", "content": "x"}]})", Form::kMessages},
      {R"({"prompt": "p", "completion": "c"})", Form::kCompletion},
      {R"({"prompt": "p", "chosen": "c", "rejected": "r"})", Form::kPreference},
      {R"({"chosen": "The sky is blue.", "rejected": "The sky is green."})", Form::kPreference},
      {R"({"chosen_prompt": "p", "chosen": "c", "rejected_prompt": "q", "rejected": "r"})",
       Form::kJointPreference},
      {R"({"prompt": "p", "completion": "c", "label": false})", Form::kUnpaired},
      {R"({"prompt": "p", "completions": ["a", "b"], "ranks": [1, null]})", Form::kRanking},
      {R"({"prompt": "p"})", Form::kPrompt},
      {R"({"prompt": [{"role": "user", "content": "q"}],
         "completion": [{"role": "assistant", "content": "a"}]})",
       Form::kCompletion},
  };
  for (const auto& [text, form] : rows) {
    Result<Example> example = parse(text);
    ASSERT_TRUE(example.ok()) << text << ": " << example.error().message();
    EXPECT_EQ(example->form, form) << text;
  }
}

TEST(Example, JointPreferencesHaveTwoPromptsWithAnAnswerEach) {
  const OrderedJson row = OrderedJson::parse(
      R"({"chosen_prompt": "p", "chosen": "c", "rejected_prompt": "q", "rejected": "r"})");
  const Example example = parse_example(row).value();
  EXPECT_EQ(std::get<std::string>(*example.rejected_prompt), "q");
  EXPECT_EQ(parse_example(to_json(example)).value().form, Form::kJointPreference);
  for (const char* name : {"chosen_prompt", "chosen", "rejected_prompt", "rejected"}) {
    OrderedJson lacking = row;
    lacking.erase(name);
    const auto parsed = parse_example(lacking);
    ASSERT_FALSE(parsed.ok()) << name;
    EXPECT_NE(parsed.error().message().find(name), std::string::npos) << parsed.error().message();
  }
}

TEST(Example, ShareGptNamesAreMapped) {
  Example example =
      parse(
          R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]})")
          .value();
  ASSERT_EQ(example.messages.size(), 2u);
  EXPECT_EQ(example.messages[0].role, "user");
  EXPECT_EQ(example.messages[1].content, "a");
  EXPECT_EQ(to_line(example.messages[1].raw), R"({"role":"assistant","content":"a"})");
}

TEST(Example, MistakesNameTheColumn) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"prompt": "p", "chosen": "c"})", "\"chosen\" without \"rejected\""},
      {R"({"prompt": 3, "completion": "c"})",
       "\"prompt\" must be a string or a list of messages, found number"},
      {R"({"completion": "c"})", "\"completion\" without \"prompt\""},
      {R"({"question": "q", "answer": "a"})", "no known columns (found: question, answer)"},
      {R"({"messages": []})", "\"messages\" must be a list of at least one message"},
      {R"({"messages": [{"role": "user"}]})",
       "\"messages\"[0]: the message of role \"user\" has no text"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})", "no text"},
      {R"({"prompt": "p", "completion": [{"role": "assistant", "content": "a"}]})",
       "all be strings or all"},
      {R"({"prompt": "p", "completions": ["a", "b"], "ranks": [1]})", "as long as"},
      {R"({"prompt": "p", "completions": ["a", "b"]})", "null where nobody has ranked it"},
      {R"({"prompt": "p", "completions": ["a"], "ranks": [0]})", "from 1 (best)"},
      {R"({"prompt": "p", "completion": "c", "label": "yes"})", "true or false"},
      {R"({"chosen": "a", "rejected": "b", "chosen_probability": 1.5})", "[0, 1]"},
      {R"([1])", "a row must be an object"},
      {R"({"messages": [{"role": "user", "content": [{"type": 5, "text": "x"}]}]})", "no text"},
      {R"({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]})", "no text"},
      {R"({"messages": [{"role": "user", "content": ["x"]}]})", "no text"},
      {R"({"messages": ["hello"]})", "must be an object with role and content"},
      {R"({"prompt": "p", "completions": ["a"], "ranks": [18446744073709551615]})", "from 1"},
      {R"({"prompt": "p", "completion": "c", "label": 18446744073709551615})", "true or false"},
      {R"({"prompt": "p", "completions": ["a"], "ranks": [1], "scores": ["x"]})", "a score must"},
      {R"({"prompt": "p", "completion": "c", "axes": [1]})", "an object of named numbers"},
      {R"({"prompt": "p", "completion": "c", "axes": {"tone": "good"}})",
       "\"axes\".\"tone\" must be a number or null, found \"good\""},
      {R"({"prompt": "p", "completions": ["a"], "ranks": [1], "axes": {"tone": 1}})",
       "\"axes\".\"tone\" must be a list as long"},
      {R"({"prompt": "p", "completions": ["a"], "ranks": [1], "axes": {"tone": [1, 2]}})",
       "as long"},
  };
  for (const auto& [text, expected] : rows) {
    Result<Example> example = parse(text);
    ASSERT_FALSE(example.ok()) << text;
    EXPECT_NE(example.error().message().find(expected), std::string::npos)
        << example.error().message();
  }
}

TEST(Example, LabelsOfCsvAreRead) {
  for (const char* word : {"true", "True", "1"}) {
    OrderedJson row = {{"prompt", "p"}, {"completion", "c"}, {"label", word}};
    EXPECT_TRUE(parse_example(row).value().label) << word;
  }
  EXPECT_FALSE(parse(R"({"prompt": "p", "completion": "c", "label": "False"})").value().label);
}

TEST(Example, AMessageShowsLittleOfALongValue) {
  OrderedJson row = {{"prompt", "p"}, {"completion", "c"}, {"label", std::string(100000, 'x')}};
  EXPECT_LT(parse_example(row).error().message().size(), 200u);
}

// Rows of any known columns with any kinds of values: refused, or written as they are read.
TEST(Example, WhatIsReadIsWrittenTheSame) {
  const std::vector<std::string> columns = {
      "text",  "messages", "conversations", "prompt",   "completion", "completions",
      "ranks", "label",    "chosen",        "rejected", "scores",     "chosen_probability",
      "id",    "source",   "tools",         "margin",   "annotator",  "topic",
      "axes"};
  const std::vector<OrderedJson> values = {
      nullptr,
      "a text",
      "",
      true,
      0,
      1,
      0.5,
      -3,
      {"a", "b"},
      {1, nullptr},
      {1, 2},
      {0.5, 1},
      OrderedJson::array(),
      OrderedJson::object(),
      OrderedJson::parse(R"([{"role": "user", "content": "q"}])"),
      OrderedJson::parse(R"([{"from": "gpt", "value": [{"type": "text", "text": "a"}]}])"),
      OrderedJson::parse(R"([{"role": "assistant", "tool_calls": []}])"),
      OrderedJson::parse(R"({"dataset": "d", "row": 7})"),
      {{"tone", {1, nullptr}}},
      {{"tone", 2}}};
  const std::vector<OrderedJson> bases = {
      OrderedJson::object(),
      {{"text", "t"}},
      {{"prompt", "p"}, {"completion", "c"}},
      {{"prompt", "p"}, {"chosen", "a"}, {"rejected", "b"}},
      {{"prompt", "p"}, {"completions", {"a", "b"}}, {"ranks", {1, nullptr}}},
      {{"messages", values[14]}}};
  int accepted = 0;
  EXPECT_TRUE(rc::check("parse_example and to_json agree", [&] {
    OrderedJson row = *rc::gen::elementOf(bases);
    for (size_t left = *rc::gen::inRange<size_t>(0, 4); left > 0; --left) {
      row[*rc::gen::elementOf(columns)] = *rc::gen::elementOf(values);
    }
    Result<Example> example = parse_example(row);
    if (!example.ok()) return;
    ++accepted;
    const std::string written = to_line(to_json(*example));
    Result<Example> again = parse_example(parse_ordered_json(written).value());
    RC_ASSERT(again.ok());
    RC_ASSERT(again->form == example->form);
    RC_ASSERT(to_line(to_json(*again)) == written);
  }));
  EXPECT_GT(accepted, 10) << "the rows are all refused: nothing was tried";
}

TEST(Example, AnIdNamesTheRowOfItsOwnDataSetOnly) {
  for (const char* id : {"7", "7#2", "d:7", "d:7#12"}) EXPECT_TRUE(names_row(id, "d", "7")) << id;
  for (const char* id : {"train:7", "test:7#2", ":7", "dd:7", "d:e:7", "17", "d:17", "d7", "d:7#",
                         "d:7#x", "d:", "7:d", ""}) {
    EXPECT_FALSE(names_row(id, "d", "7")) << id;
  }
  EXPECT_TRUE(names_row("a/b:c:7", "a/b:c", "7"));
  EXPECT_TRUE(names_row("d:7#2", "d", "7#2"));
  EXPECT_TRUE(names_row("7", "", "7"));
}

TEST(Example, UnknownColumnsAndSourceSurviveTheRoundTrip) {
  const char* rows[] = {
      R"({"id":"7","prompt":"p","completions":["a","b","c"],"ranks":[2,1,null],)"
      R"("scores":[0.5,1.0,0.0],"axes":{"tone":[1.0,null,2.5],"length":[null,null,null]},)"
      R"("annotator":"kim","guideline_version":"3",)"
      R"("source":{"dataset":"d","row":"1","licence":"MIT","generated_by":"m",)"
      R"("row_is_position":true},"topic":"x"})",
      R"({"text":"t","language":"en","axes":{"kept":"as it is"}})",
      R"({"prompt":"p","completion":"c","axes":{"tone":3.0,"length":null}})",
      R"({"prompt":[{"role":"user","content":"q","name":"k"}],)"
      R"("chosen":[{"role":"assistant","content":"a"}],)"
      R"("rejected":[{"role":"assistant","content":"b"}],"tools":[{"name":"f"}]})",
  };
  for (const char* text : rows) EXPECT_EQ(to_line(to_json(parse(text).value())), text);
}

}  // namespace
}  // namespace attune::data
