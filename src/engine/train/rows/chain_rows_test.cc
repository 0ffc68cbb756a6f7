#include "engine/train/rows/chain_rows.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/file.h"
#include "engine/train/rows/hindsight_data.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

using data::ChainForm;

const text::Tokenizer& tiny() {
  static const text::Tokenizer tokenizer =
      text::Tokenizer::from_json_file(
          testing::source_path("tests/golden/train/tiny/tokenizer.json"))
          .value();
  return tokenizer;
}

constexpr const char* kChat =
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

ChainRowOptions options_of(const std::string& set = "webgpt") {
  ChainRowOptions options;
  options.templates =
      data::read_hindsight_templates(testing::source_path("examples/hindsight/" + set + ".json"))
          .value();
  options.forms = {ChainForm::kPositive, ChainForm::kNegative, ChainForm::kBestFirst,
                   ChainForm::kWorstFirst};
  options.draw_phrase = false;
  return options;
}

ChainTokenizer tokenizer_of(ChainRowOptions options, const std::string& chat_template = "") {
  return {data::ExampleTokenizer::make(tiny(), chat_template).value(), std::move(options)};
}

data::Example example_of(const OrderedJson& row) {
  return data::parse_example(row).value();
}

// The trained tokens as text.
std::string trained_text(const TokenSequence& sequence) {
  std::vector<int32_t> ids;
  for (size_t t = 0; t < sequence.ids.size(); ++t) {
    if (sequence.trained[t] != 0) ids.push_back(sequence.ids[t]);
  }
  return tiny().decode(ids, /*skip_special_tokens=*/false);
}

TEST(ChainRows, FieldMasksEqualTheGoldens) {
  const Json golden =
      read_json_file(testing::source_path("tests/golden/hindsight/fields.json")).value();
  const ChainTokenizer tokenizer = tokenizer_of(options_of());
  ASSERT_EQ(golden["rows"].size(), 4U);
  for (const Json& entry : golden["rows"]) {
    for (const auto& [form, expected] : entry["forms"].items()) {
      Random random(1);
      const auto chain = tokenizer.prepare(example_of(OrderedJson(entry["row"])),
                                           data::parse_chain_form(form).value(), random);
      ASSERT_TRUE(chain.ok()) << chain.error().message();
      EXPECT_EQ(chain->sequence.ids, expected["ids"].get<std::vector<int32_t>>()) << form;
      EXPECT_EQ(chain->sequence.trained, expected["trained"].get<std::vector<uint8_t>>()) << form;
    }
  }
}

TEST(ChainRows, AnswersAndTheirEndsAreTrainedAndNothingElse) {
  ChainRowOptions options = options_of();
  const data::Example row =
      example_of({{"prompt", "say:"}, {"chosen", " yes"}, {"rejected", " no, then"}});
  Random random(1);
  const auto all = tokenizer_of(options).prepare(row, ChainForm::kWorstFirst, random).value();
  EXPECT_EQ(trained_text(all.sequence), " no, then</s> yes</s>");
  options.last_only = true;
  const auto last = tokenizer_of(options).prepare(row, ChainForm::kWorstFirst, random).value();
  EXPECT_EQ(trained_text(last.sequence), " yes</s>");
  EXPECT_EQ(last.sequence.ids, all.sequence.ids);
}

// The published code marks every assistant turn of the rejected dialogue, the shared history among
// them; here only the judged answer is marked and trained.
TEST(ChainRows, ConversationsTrainTheJudgedTurnsAlone) {
  const OrderedJson history = OrderedJson::parse(
      R"([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"},
          {"role": "user", "content": "why"}])");
  const auto answer = [](const char* text) {
    return OrderedJson::array({{{"role", "assistant"}, {"content", text}}});
  };
  const data::Example row = example_of(
      {{"prompt", history}, {"chosen", answer("good")}, {"rejected", answer("bad")}});
  ChainRowOptions options = options_of();
  Random random(1);
  const auto chain =
      tokenizer_of(options, kChat).prepare(row, ChainForm::kWorstFirst, random).value();
  EXPECT_EQ(tiny().decode(chain.sequence.ids, /*skip_special_tokens=*/false),
            "<user>hi<assistant>yes?</s><user>why\nAn unhelpful answer:<assistant>bad</s>"
            "<user>A helpful answer:<assistant>good</s>");
  EXPECT_EQ(trained_text(chain.sequence), "bad</s>good</s>");
  options.last_only = true;
  const auto last =
      tokenizer_of(options, kChat).prepare(row, ChainForm::kWorstFirst, random).value();
  EXPECT_EQ(trained_text(last.sequence), "good</s>");
}

TEST(ChainRows, RowsThatCannotBeUsedSayWhy) {
  const OrderedJson turn = OrderedJson::array({{{"role", "assistant"}, {"content", "a"}}});
  struct Case {
    OrderedJson row;
    const char* message;
    const char* reason;
  };
  const Case cases[] = {
      {{{"prompt", "p"}, {"completion", "c"}}, "which answer is better", "form of another method"},
      {{{"prompt", "p"}, {"chosen", " a"}, {"rejected", " a"}}, "are the same",
       "pair with equal sides"},
      {{{"prompt", "p"}, {"chosen", ""}, {"rejected", " a"}}, "completion 1 is empty",
       "empty completion"},
      {{{"prompt", "p"}, {"completions", {"a", "b"}}, {"ranks", {1, 1}}}, "have the same rank",
       "ranking without a difference"},
      {{{"prompt", "p"}, {"completions", {"a"}}, {"ranks", {1}}}, "", "one-item ranking"},
      {{{"prompt", "p"}, {"completions", {"a", "b"}}, {"ranks", {1, 4}}}, "rank",
       "rank out of range"},
      {{{"prompt", "p"}, {"completions", {"a", "b", "c"}}, {"ranks", {1, 3, 3}}}, "rank",
       "ranks with holes"},
      {{{"prompt", "p"}, {"completions", {"a", "b", "a"}}, {"ranks", {1, 2, 3}}}, "one text",
       "pair with equal sides"},
      {{{"prompt", turn}, {"chosen", turn}, {"rejected", OrderedJson::array({turn[0], turn[0]})}},
       "no chat template", "no chat template"},
  };
  for (const auto& [row, message, reason] : cases) {
    Random random(1);
    const auto prepared =
        tokenizer_of(options_of()).prepare(example_of(row), ChainForm::kBestFirst, random);
    ASSERT_FALSE(prepared.ok()) << row.dump();
    EXPECT_NE(prepared.error().message().find(message), std::string::npos)
        << row.dump() << ": " << prepared.error().message();
    EXPECT_EQ(prepared.error().reason(), reason) << row.dump();
  }
}

TEST(ChainRows, ContradictoryRowsAreLeftOutAndCounted) {
  const TemporaryDirectory folder;
  const std::string file = folder.file("rows.jsonl");
  ASSERT_TRUE(write_file(file, R"({"prompt": "a:", "chosen": " yes", "rejected": " no"})"
                               "\n"
                               R"({"prompt": "b:", "chosen": " yes", "rejected": " no"})"
                               "\n"
                               R"({"prompt": "a:", "chosen": " no", "rejected": " yes"})"
                               "\n").ok());
  DataReport report;
  ChainRowOptions options = options_of();
  const auto rows = read_chain_rows({file}, tokenizer_of(options), &report).value();
  ASSERT_EQ(rows.size(), 4U);  // the four chains of row 2
  EXPECT_EQ(rows[0].names[0].number, 2);
  const OrderedJson dropped = report.to_json()["dropped"];
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0]["reason"], "contradictory rows");
  EXPECT_EQ(dropped[0]["rows"][file], Json::array({1, 3}));
  options.contradictions = Contradictions::kKeep;
  DataReport kept;
  EXPECT_EQ(read_chain_rows({file}, tokenizer_of(options), &kept).value().size(), 12U);
}

// Every file gives its rows: the published packing script kept the last data set only, since it
// opened the combined file anew for each.
TEST(ChainRows, EveryFileIsRead) {
  const TemporaryDirectory folder;
  const std::string one = folder.file("one.jsonl"), two = folder.file("two.jsonl");
  ASSERT_TRUE(write_file(one, R"({"prompt": "a:", "chosen": " yes", "rejected": " no"})"
                              "\n").ok());
  ASSERT_TRUE(write_file(two,
                         R"({"prompt": "b:", "completions": ["x", "y", "z"], "ranks": [1, 2, 3]})"
                         "\n")
                  .ok());
  DataReport report;
  const auto rows = read_chain_rows({one, two}, tokenizer_of(options_of()), &report).value();
  ASSERT_EQ(rows.size(), 8U);  // four forms of each
  EXPECT_EQ(rows[0].names[0].file, one);
  EXPECT_EQ(rows[7].names[0].file, two);
  EXPECT_EQ(report.rows_kept(), 2);
  EXPECT_EQ(report.tokens_trained(),
            std::accumulate(rows.begin(), rows.end(), int64_t{0}, [](int64_t sum, const SftRow& r) {
              return sum + r.trained_tokens();
            }));
}

TEST(ChainRows, CutChainsAreCountedAndThoseWithoutAnswerLeftOut) {
  const TemporaryDirectory folder;
  const std::string file = folder.file("rows.jsonl");
  ASSERT_TRUE(write_file(file, R"({"prompt": "a:", "chosen": " yes", "rejected": " no"})"
                               "\n").ok());
  ChainRowOptions options = options_of();
  DataReport report;
  options.rows.max_length = 40;  // the first answer stays, the second goes
  const auto rows = read_chain_rows({file}, tokenizer_of(options), &report).value();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(report.to_json()["rows"]["truncated"], 1);
  EXPECT_EQ(trained_text(rows[3].sequences[0]), " no</s>");
  options.rows.max_length = 10;
  DataReport second;
  EXPECT_TRUE(read_chain_rows({file}, tokenizer_of(options), &second).value().empty());
  EXPECT_EQ(second.rows_dropped(), 1);
  EXPECT_EQ(second.to_json()["dropped"][0]["reason"], "prompt fills max_length");
}

TEST(ChainRows, ARowMoreDoesNotChangeTheChainsOfTheOthers) {
  const TemporaryDirectory folder;
  const std::string row =
      R"({"prompt": "a:", "completions": ["x", "y", "z", "w"], "ranks": [1, 2, 3, 4]})"
      "\n";
  ChainRowOptions options = options_of("dialogue");
  options.forms = {ChainForm::kShuffled};
  options.draw_phrase = true;
  const auto ids = [&](const std::string& text) {
    const std::string file = folder.file("rows.jsonl");
    EXPECT_TRUE(write_file(file, text).ok());
    DataReport report;
    std::vector<std::vector<int32_t>> all;
    for (const SftRow& r : read_chain_rows({file}, tokenizer_of(options), &report).value()) {
      all.push_back(r.sequences[0].ids);
    }
    return all;
  };
  const auto two = ids(row + row), three = ids(row + row + row);
  EXPECT_EQ(two[0], three[0]);
  EXPECT_EQ(two[1], three[1]);
  EXPECT_TRUE(three[0] != three[1] || three[1] != three[2]);  // each draws for itself
}

TEST(ChainRows, OptionsNameWhatIsWrongWithThem) {
  const std::string set = testing::source_path("examples/hindsight/webgpt.json");
  const std::pair<Json, const char*> cases[] = {
      {{{"hindsight_templates", "nowhere.json"}}, "nowhere.json"},
      {{{"hindsight_templates", set}, {"hindsight_forms", {"p", "q"}}}, "hindsight_forms: q"},
      {{{"hindsight_templates", set}, {"hindsight_forms", Json::array()}}, "hindsight_forms"},
  };
  for (const auto& [config, expected] : cases) {
    const auto options = read_chain_options(config, {});
    ASSERT_FALSE(options.ok());
    EXPECT_NE(options.error().message().find(expected), std::string::npos)
        << options.error().message();
  }
}

}  // namespace
}  // namespace attune::engine::train
