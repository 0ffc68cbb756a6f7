#include "data/tokenized.h"

#include <gtest/gtest.h>

namespace attune::data {
namespace {

// Words and spaces are tokens: " a" is one, so that a prompt's end can fall into a token.
text::Tokenizer word_tokenizer() {
  Json vocabulary = Json::object();
  int id = 0;
  for (const char* piece : {"a", "b", "c", "d", "Ġ", "Ċ", "Ġa", "ab", "cd", "u", "s"}) {
    vocabulary[piece] = id++;
  }
  Json added = Json::array();
  for (const char* name : {"<s>", "</s>", "<u>", "<r>"}) {
    added.push_back({{"id", id++}, {"content", name}, {"single_word", false}, {"lstrip", false},
                     {"rstrip", false}, {"normalized", false}, {"special", true}});
  }
  const Json level{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false},
                   {"use_regex", false}};
  const Json special{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json end{{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}};
  const Json a{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json b{{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  const Json processor{
      {"type", "TemplateProcessing"},
      {"single", {special, a, end}},
      {"pair", {special, a, end, b, end}},
      {"special_tokens",
       {{"<s>", {{"id", "<s>"}, {"ids", {11}}, {"tokens", {"<s>"}}}},
        {"</s>", {{"id", "</s>"}, {"ids", {12}}, {"tokens", {"</s>"}}}}}}};
  const Json merges = Json::array({"Ġ a", "a b", "c d"});
  const Json file{{"version", "1.0"}, {"added_tokens", added}, {"normalizer", nullptr},
                  {"pre_tokenizer", level}, {"post_processor", processor}, {"decoder", level},
                  {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
  auto tokenizer = text::Tokenizer::from_json(file);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  text::SpecialIds roles;
  roles.bos = 11;
  roles.eos = 12;
  return tokenizer->with_special_ids(roles);
}

constexpr const char* kTemplate =
    "<s>{% for m in messages %}{{ ('<u>' if m.role == 'user' else '<r>') + m.content + '</s>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<r>{% endif %}";

ExampleTokenizer tokenizer() {
  return ExampleTokenizer::make(word_tokenizer(), kTemplate).value();
}

Message turn(const char* role, const char* content) {
  return {role, content, OrderedJson{{"role", role}, {"content", content}}};
}

TEST(ExampleTokenizer, CutsAtTheTrueBoundary) {
  const auto plain = tokenizer().completion(Content("b"), Content(" cd"), {});
  ASSERT_TRUE(plain.ok()) << plain.error().message();
  EXPECT_EQ(plain->ids, (std::vector<int32_t>{11, 1, 4, 8}));  // <s> b _ cd
  EXPECT_EQ(plain->boundary, 2);
  EXPECT_EQ(plain->end, 4);
  // "a" + "b" is one token: it reaches across the border and belongs to the completion.
  const auto across = tokenizer().completion(Content("ca"), Content("bd"), {});
  ASSERT_TRUE(across.ok());
  EXPECT_EQ(across->ids, (std::vector<int32_t>{11, 2, 7, 3}));  // <s> c ab d
  EXPECT_EQ(across->boundary, 2);
}

TEST(ExampleTokenizer, AddsTheEndOnlyWhenAsked) {
  EXPECT_EQ(tokenizer().text("ab"), (std::vector<int32_t>{11, 7}));
  const auto ended = tokenizer().completion(Content("b"), Content("c"), {}, {.append_eos = true});
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->ids, (std::vector<int32_t>{11, 1, 2, 12}));
  EXPECT_EQ(ended->end, 4);
  EXPECT_EQ(*tokenizer().prompt(Content("b"), {}), (std::vector<int32_t>{11, 1}));
}

TEST(ExampleTokenizer, EndsAConversationWithItsTurn) {
  const Messages prompt{turn("user", "a")};
  const Messages answer{turn("assistant", "cd")};
  const auto tokenized = tokenizer().completion(Content(prompt), Content(answer), {});
  ASSERT_TRUE(tokenized.ok()) << tokenized.error().message();
  EXPECT_EQ(tokenized->ids, (std::vector<int32_t>{11, 13, 0, 12, 5, 14, 8, 12, 5}));
  EXPECT_EQ(tokenized->boundary, 6);
  EXPECT_EQ(tokenized->end, 8);
  EXPECT_EQ(*tokenizer().prompt(Content(prompt), {}),
            (std::vector<int32_t>{11, 13, 0, 12, 5, 14}));
}

TEST(ExampleTokenizer, MarksWhatTheAssistantWrote) {
  const auto tokenized = tokenizer().conversation(
      {turn("user", "a"), turn("assistant", "b"), turn("user", "c"), turn("assistant", "d")}, {});
  ASSERT_TRUE(tokenized.ok()) << tokenized.error().message();
  std::vector<int32_t> marked;
  for (size_t i = 0; i < tokenized->ids.size(); ++i) {
    if (tokenized->assistant[i]) marked.push_back(tokenized->ids[i]);
  }
  EXPECT_EQ(marked, (std::vector<int32_t>{1, 12, 3, 12}));
}

TEST(ExampleTokenizer, RefusesWhatItCannotTokenise) {
  const auto without = ExampleTokenizer::make(word_tokenizer(), "").value();
  EXPECT_FALSE(without.prompt(Content(Messages{turn("user", "a")}), {}).ok());
  EXPECT_FALSE(ExampleTokenizer::make(word_tokenizer(), "{% if").ok());
  EXPECT_FALSE(tokenizer().completion(Content("a"), Content(""), {}).ok());
  const Messages answer{turn("assistant", "cd")};
  EXPECT_FALSE(tokenizer().completion(Content("a"), Content(answer), {}).ok());
}

TEST(SplitExample, FindsThePromptOfAPairWithout) {
  Example pair;
  pair.form = Form::kPreference;
  pair.chosen = std::string("2+2 is 4");
  pair.rejected = std::string("2+2 is 5");
  auto split = split_example(pair);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(std::get<std::string>(*split->prompt), "2+2 is");
  EXPECT_EQ(std::get<std::string>(split->completions[1]), " 5");
  pair.chosen = Messages{turn("user", "q"), turn("assistant", "yes")};
  pair.rejected = Messages{turn("user", "q"), turn("assistant", "no")};
  split = split_example(pair);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(std::get<Messages>(*split->prompt).size(), 1u);
  EXPECT_EQ(std::get<Messages>(split->completions[0])[0].content, "yes");
}

TEST(SplitExample, TakesTheLastTurnOfAConversation) {
  Example row;
  row.form = Form::kMessages;
  row.messages = {turn("user", "q"), turn("assistant", "yes")};
  EXPECT_EQ(std::get<Messages>(split_example(row)->completions[0])[0].content, "yes");
  row.messages.push_back(turn("user", "more"));
  EXPECT_FALSE(split_example(row).ok());
  row.form = Form::kPrompt;
  EXPECT_FALSE(split_example(row).ok());
}

}  // namespace
}  // namespace attune::data
