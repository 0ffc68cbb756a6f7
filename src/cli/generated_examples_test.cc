#include "cli/generated_examples.h"

#include <gtest/gtest.h>

#include "data/example.h"

namespace attune::cli {
namespace {

TEST(GeneratedExamples, ModelsAreNamedByTheirLastTwoParts) {
  EXPECT_EQ(generator_name("HuggingFaceTB/SmolLM2-135M"), "HuggingFaceTB/SmolLM2-135M");
  EXPECT_EQ(generator_name("runs/mails/final/"), "mails/final");
  EXPECT_EQ(generator_name("./tiny.gguf"), "tiny.gguf");
  EXPECT_EQ(generator_name("tiny.gguf"), "tiny.gguf");
}

TEST(GeneratedExamples, OneAnswerIsACompletion) {
  const OrderedJson example =
      generated_example({{"id", 7}}, {{"prompt", "yes?"}}, {"no"}, "tiny");
  EXPECT_EQ(example, (OrderedJson{{"id", 7},
                                  {"prompt", "yes?"},
                                  {"completion", "no"},
                                  {"source", {{"generated_by", "tiny"}}}}));
  EXPECT_EQ(data::parse_example(example).value().form, data::Form::kCompletion);
}

TEST(GeneratedExamples, SeveralAnswersAreARankingThatNobodyHasMade) {
  const OrderedJson turns = {{{"role", "user"}, {"content", "yes?"}}};
  const OrderedJson source = {{"dataset", "words"}, {"row", "4"}, {"generated_by", "a person"}};
  const auto example =
      data::parse_example(generated_example({{"id", "a"}, {"source", source}},
                                            {{"messages", turns}}, {"no", "well"}, "tiny"))
          .value();
  EXPECT_EQ(example.form, data::Form::kRanking);
  EXPECT_EQ(example.ranks, (std::vector<std::optional<int>>(2)));
  ASSERT_EQ(example.completions.size(), 2u);
  EXPECT_EQ(std::get<data::Messages>(example.completions[1])[0].content, "well");
  EXPECT_EQ(example.source->row, "4");
  EXPECT_EQ(example.source->generated_by, "tiny");
}

}  // namespace
}  // namespace attune::cli
