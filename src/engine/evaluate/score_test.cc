#include "engine/evaluate/score.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/generate/generator.h"
#include "engine/generate/small_model.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::evaluate {
namespace {

data::ExampleTokenizer small_tokenizer() {
  return data::ExampleTokenizer::make(testing::byte_tokenizer(), testing::kSmallTemplate).value();
}

TokenizedExample tokenize(const char* row, const data::CompletionOptions& options = {}) {
  const auto example = data::parse_example(parse_ordered_json(row).value());
  EXPECT_TRUE(example.ok()) << example.error().message();
  auto tokenized = tokenize_for_score(*example, small_tokenizer(), options);
  EXPECT_TRUE(tokenized.ok()) << tokenized.error().message();
  return tokenized.ok() ? std::move(*tokenized) : TokenizedExample();
}

std::vector<CompletionScore> score_alone(models::Decoder& decoder,
                                         const TokenizedExample& example) {
  auto scores = score_completions(decoder, {example});
  EXPECT_TRUE(scores.ok()) << scores.error().message();
  return scores->at(0);
}

// The definition, one sequence and no sharing.
double plain_sum(models::Decoder& decoder, const data::TokenizedCompletion& completion) {
  const at::NoGradGuard no_grad;
  models::PackedBatch batch;
  batch.add_root(completion.ids);
  const Tensor log_probs = at::log_softmax(decoder.logits(decoder.forward(batch)), 1);
  double sum = 0;
  for (int64_t t = std::max<int64_t>(completion.boundary, 1); t < completion.end; ++t) {
    sum += log_probs[t - 1][completion.ids[static_cast<size_t>(t)]].item<double>();
  }
  return sum;
}

void expect_plain(models::Decoder& decoder, const TokenizedExample& example) {
  const std::vector<CompletionScore> scores = score_alone(decoder, example);
  ASSERT_EQ(scores.size(), example.size());
  for (size_t i = 0; i < example.size(); ++i) {
    const double expected = plain_sum(decoder, example[i]);
    EXPECT_NEAR(scores[i].sum_logprob, expected, 1e-5 * std::abs(expected)) << i;
    EXPECT_EQ(scores[i].tokens,
              example[i].end - std::max<int64_t>(example[i].boundary, 1));
  }
}

TEST(Score, CompletionsThatShareAPromptEqualSeparateRuns) {
  const auto decoder = testing::small_decoder();
  expect_plain(*decoder, tokenize(R"({"prompt":"The sky is","completions":[" blue."," very blue",
                                      "."," blue."],"ranks":[1,2,3,1]})"));
  expect_plain(*decoder, tokenize(R"({"prompt":"2+2=","chosen":"4","rejected":"five"})"));
  expect_plain(*decoder, tokenize(R"({"chosen":"2+2= 4","rejected":"2+2= 5 or so"})"));
  expect_plain(*decoder, tokenize(R"({"prompt":"","completion":"from nothing"})"));
  expect_plain(*decoder, tokenize(R"({"text":"all but the first"})"));
}

TEST(Score, CountsWhatTheFormSays) {
  const auto decoder = testing::small_decoder();
  const char* row = R"({"prompt":"ab","completion":"cde"})";
  EXPECT_EQ(score_alone(*decoder, tokenize(row))[0].tokens, 3);
  const TokenizedExample with_end = tokenize(row, {.append_eos = true});
  EXPECT_EQ(score_alone(*decoder, with_end)[0].tokens, 4);
  EXPECT_EQ(with_end[0].ids.back(), testing::kEndId);
  EXPECT_EQ(score_alone(*decoder, tokenize(R"({"text":"abcd"})"))[0].tokens, 3);
  // A conversational completion ends with its end-of-turn token; the newline behind is not scored.
  const TokenizedExample chat = tokenize(
      R"({"prompt":[{"role":"user","content":"x"}],
          "completion":[{"role":"assistant","content":"yz"}]})");
  EXPECT_EQ(chat[0].ids.back(), '\n');
  EXPECT_EQ(score_alone(*decoder, chat)[0].tokens, 3);
  expect_plain(*decoder, chat);
}

TEST(Score, BatchingChangesNothing) {
  const auto decoder = testing::small_decoder();
  std::vector<TokenizedExample> examples;
  for (const char* row : {R"({"prompt":"a","completion":"bcd"})", R"({"text":"hello"})",
                          R"({"prompt":"q","chosen":"yes","rejected":"no"})"}) {
    examples.push_back(tokenize(row));
  }
  const auto together = score_completions(*decoder, examples);
  const auto apart = score_completions(*decoder, examples, {.max_tokens_per_batch = 1});
  ASSERT_TRUE(together.ok() && apart.ok());
  for (size_t i = 0; i < examples.size(); ++i) {
    for (size_t k = 0; k < examples[i].size(); ++k) {
      EXPECT_NEAR((*together)[i][k].sum_logprob, (*apart)[i][k].sum_logprob, 1e-4);
      EXPECT_EQ((*together)[i][k].tokens, (*apart)[i][k].tokens);
    }
  }
}

TEST(Score, RefusesWhatHasNothingToScoreOrDoesNotFit) {
  const auto decoder = testing::small_decoder();
  for (const char* row : {R"({"prompt":"only"})", R"({"text":"a"})",
                          R"({"prompt":"a","completion":""})",
                          R"({"messages":[{"role":"user","content":"x"}]})"}) {
    const auto example = data::parse_example(parse_ordered_json(row).value());
    if (!example.ok()) continue;
    EXPECT_FALSE(tokenize_for_score(*example, small_tokenizer()).ok()) << row;
  }
  const std::string text = R"({"text":")" + std::string(129, 'a') + "\"}";
  const auto too_long = score_completions(*decoder, {tokenize(text.c_str())});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message().find("context 128"), std::string::npos);
  TokenizedExample foreign = tokenize(R"({"text":"abc"})");
  foreign[0].ids[1] = 100000;
  EXPECT_FALSE(score_completions(*decoder, {foreign}).ok());
}

TEST(Score, GivesWhatGenerationHadCaptured) {
  const auto decoder = testing::small_decoder();
  generate::GenerateRequest request;
  request.prompt = {'A', ' ', 'p', 'r', 'o', 'm', 'p', 't'};
  request.max_new_tokens = 30;
  request.num_return_sequences = 3;
  request.sampling = {.do_sample = true, .top_k = 20, .seed = 9};
  generate::Generator generator(*decoder, testing::byte_tokenizer(), {});
  const auto samples = generator.run({request}).value()[0];
  TokenizedExample example;
  for (const generate::Completion& sample : samples) {
    data::TokenizedCompletion completion{request.prompt, 8, 38};
    completion.ids.insert(completion.ids.end(), sample.tokens.begin(), sample.tokens.end());
    example.push_back(completion);
  }
  const std::vector<CompletionScore> scores = score_alone(*decoder, example);
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(scores[i].tokens, 30);
    EXPECT_NEAR(scores[i].sum_logprob, samples[i].sum_logprob(),
                1e-5 * std::abs(scores[i].sum_logprob))
        << i;
  }
}

TEST(Score, EqualsTransformersOnAPublishedModel) {
  const auto path = attune::testing::smollm2_path();
  if (!path) GTEST_SKIP() << "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)";
  const weights::ModelFiles files = weights::ModelFiles::open(*path).value();
  const auto tokenizer = data::ExampleTokenizer::make(weights::load_tokenizer(files).value(),
                                                      files.chat_template()).value();
  data::Example row;
  row.form = data::Form::kCompletion;
  const OrderedJson turn{{"role", "user"}, {"content", "What is the capital of France?"}};
  row.prompt = data::Messages{{"user", "What is the capital of France?", turn}};
  row.completion = std::string(" Paris is the capital of France.");
  const TokenizedExample tokenized = tokenize_for_score(row, tokenizer).value();
  EXPECT_EQ(tokenized[0].boundary, 37);
  const auto decoder = models::Decoder::load(files, {}).value();
  EXPECT_NEAR(score_alone(*decoder, tokenized)[0].mean_logprob(), -1.840364, 2e-5);
}

}  // namespace
}  // namespace attune::engine::evaluate
