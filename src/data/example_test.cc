#include "data/example.h"

#include <gtest/gtest.h>

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
      {R"({"prompt": "p", "completions": ["a"], "ranks": [0]})", "from 1 (best)"},
      {R"({"prompt": "p", "completion": "c", "label": "yes"})", "true or false"},
      {R"({"chosen": "a", "rejected": "b", "chosen_probability": 1.5})", "[0, 1]"},
      {R"([1])", "a row must be an object"},
  };
  for (const auto& [text, expected] : rows) {
    Result<Example> example = parse(text);
    ASSERT_FALSE(example.ok()) << text;
    EXPECT_NE(example.error().message().find(expected), std::string::npos)
        << example.error().message();
  }
}

TEST(Example, UnknownColumnsAndSourceSurviveTheRoundTrip) {
  const char* rows[] = {
      R"({"id":"7","prompt":"p","completions":["a","b","c"],"ranks":[2,1,null],)"
      R"("scores":[0.5,1.0,0.0],)"
      R"("annotator":"kim","guideline_version":"3",)"
      R"("source":{"dataset":"d","row":"1","licence":"MIT","generated_by":"m"},"topic":"x"})",
      R"({"text":"t","language":"en"})",
      R"({"prompt":[{"role":"user","content":"q","name":"k"}],)"
      R"("chosen":[{"role":"assistant","content":"a"}],)"
      R"("rejected":[{"role":"assistant","content":"b"}],"tools":[{"name":"f"}]})",
  };
  for (const char* text : rows) EXPECT_EQ(to_line(to_json(parse(text).value())), text);
}

}  // namespace
}  // namespace attune::data
